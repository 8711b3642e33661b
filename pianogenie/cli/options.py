"""Options that several commands share."""

from collections.abc import Callable

import click

from pianogenie.genie import DEFAULT_TEMPERATURE
from pianogenie.model import DEFAULT_MODEL


class Number(click.FloatRange):
    """A number within a range; click would let pass what is not a number at all, `nan`."""

    def convert(self, value, parameter, context):
        """Read it, or fail."""
        number = super().convert(value, parameter, context)
        if number != number:
            self.fail(f"{value} is not in the range {self._describe_range()}.", parameter, context)
        return number


def genie_options(command: Callable) -> Callable:
    """--model, --temperature, --seed."""
    for option in (
        click.option("--seed", type=click.IntRange(min=0), help="Of the genie's draws; the same seed plays the same."),
        click.option(
            "--temperature",
            type=Number(0, 1),
            default=DEFAULT_TEMPERATURE,
            show_default=True,
            help="How freely the genie picks: 0 is always the most likely note.",
        ),
        click.option(
            "--model",
            default=DEFAULT_MODEL,
            show_default=True,
            metavar="NAME|DIR",
            help="A model by name (see `pianogenie models`) or a model folder.",
        ),
    ):
        command = option(command)
    return command


def output_options(command: Callable) -> Callable:
    """--midi-out, --virtual-midi, --no-sound, --record, --no-record, --terminal."""
    for option in (
        click.option("--terminal", is_flag=True, help="Play in the terminal, without a window."),
        click.option("--no-record", is_flag=True, help="Do not record the session."),
        click.option(
            "--record",
            type=click.Path(file_okay=False),
            metavar="DIR",
            help="Where to record the session.  [default: Pianogenie in the music folder]",
        ),
        click.option("--no-sound", is_flag=True, help="Leave the built-in piano silent."),
        click.option("--virtual-midi", is_flag=True, help="Open a MIDI port that a DAW sees."),
        click.option(
            "--midi-out", metavar="NAME", multiple=True, help="Send to a MIDI port; a part of its name is enough."
        ),
    ):
        command = option(command)
    return command
