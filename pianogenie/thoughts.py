"""What passes through a genie's head."""

from typing import NamedTuple

from pianogenie.stepper import Outcome


class Past(NamedTuple):
    """What was played: how many presses; and of the last its time, the outcome that answered it, its button (the row of
    that), key and velocity. `time` and `outcome` are None before there was one.
    """

    presses: int = 0
    time: float | None = None
    outcome: Outcome | None = None
    button: int = 0
    key: int = 0
    velocity: int = 0


class Thought(NamedTuple):
    """What each button plays in one tick after a past (None: one that is not there yet), at one temperature.

    `outcome` is what the decoder made of it.
    """

    past: Past | None
    tick: int
    temperature: float
    outcome: Outcome
    keys: list[int]
