"""Hours of play in minutes: `make soak`."""

import random
import resource
import sys

import pytest

from pianogenie.events import NoteOff, NoteOn, Pedal, Press, Release
from pianogenie.genie import Genie
from pianogenie.model import load_model
from pianogenie.outputs.base import Output
from pianogenie.performer import Performer
from tests.toymodel import write_model

PRESSES = 1_000_000


class Books(Output):
    """Counts, and holds every note to account the moment it comes; keeps nothing."""

    def __init__(self):
        self.sounding, self.ons, self.pedal = set(), 0, 0

    def send(self, event):
        if isinstance(event, NoteOn):
            assert event.key not in self.sounding
            self.sounding.add(event.key)
            self.ons += 1
        elif isinstance(event, NoteOff):
            self.sounding.remove(event.key)
        else:
            self.pedal = event.value


def resident_mib() -> float:
    """The most memory this process has had so far."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1 << 20 if sys.platform == "darwin" else 1 << 10)


@pytest.mark.soak
def test_a_million_presses_leave_nothing_sounding_and_no_memory_taken(tmp_path):
    """At fifty presses a second of played time, more than five hours."""
    books = Books()
    performer = Performer(Genie(load_model(write_model(tmp_path / "m", spread=0.3)), temperature=1, seed=1), [books])
    draw, early = random.Random(1), None
    for i in range(PRESSES):
        now = i * 0.02
        performer.play(Press(draw.randrange(8), now))
        if draw.random() < 0.8:
            performer.play(Release(draw.randrange(8), now + 0.01))
        if i % 50 == 0:
            performer.play(Pedal(draw.choice((0, 127)), now + 0.015))
        if i == PRESSES // 10:
            early = resident_mib()
    performer.close()
    assert not performer.failures
    assert books.ons == PRESSES and not books.sounding and books.pedal == 0
    assert resident_mib() - early < 8, "it grows as it plays"
