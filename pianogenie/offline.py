"""Performing without a clock: the same Performer and Genie, fed with a file's own times."""

from pianogenie.errors import UserError
from pianogenie.events import PianoEvent
from pianogenie.genie import Genie
from pianogenie.outputs.base import Output
from pianogenie.performance import Performance
from pianogenie.performer import Performer

HELD_AT_THE_END_S = 0.5
"""How long buttons that a performance never releases sound on after its last event."""


class Collector(Output):
    """Keeps every piano event in `events`."""

    name = "collector"

    def __init__(self) -> None:
        self.events: list[PianoEvent] = []

    def send(self, event: PianoEvent) -> None:
        """Keep one event."""
        self.events.append(event)


def perform(performance: Performance, genie: Genie) -> list[PianoEvent]:
    """The notes that a genie plays for a button performance, in order of time.

    Raises:
        UserError: the performance has other buttons than the model.
    """
    if performance.num_buttons != genie.model.num_buttons:
        raise UserError(
            f"{performance.source}: for {performance.num_buttons} buttons, "
            f"but the model {genie.model.name} has {genie.model.num_buttons}; choose another with --model"
        )
    collector = Collector()
    performer = Performer(genie, [collector])
    for event in performance.events:
        performer.play(event)
    performer.close(performance.seconds + HELD_AT_THE_END_S)
    return collector.events
