"""The two small vocabularies of the instrument.

What a player does: `Press`, `Release`, `Pedal`. What the piano is told: `NoteOn`, `NoteOff`, `Pedal`.
Times are seconds; live they are readings of `time.perf_counter` less the session's start, offline they are
the file's own.
"""

from typing import NamedTuple


class Press(NamedTuple):
    """A button going down. `velocity` is 1..127, or None where the device has none."""

    button: int
    time: float
    velocity: int | None = None


class Release(NamedTuple):
    """A button coming up."""

    button: int
    time: float


class Pedal(NamedTuple):
    """The sustain pedal at `value`, 0 (up) to 127 (down)."""

    value: int
    time: float


class NoteOn(NamedTuple):
    """A key (0..87) struck with `velocity` 1..127. `button` is the one that asked for it."""

    key: int
    velocity: int
    button: int
    time: float


class NoteOff(NamedTuple):
    """A key (0..87) let go."""

    key: int
    time: float


PlayerEvent = Press | Release | Pedal
PianoEvent = NoteOn | NoteOff | Pedal
