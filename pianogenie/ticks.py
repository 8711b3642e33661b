"""How finely the genie hears time: in ticks of 8 ms or a twentieth of the time that has passed, if that is more.

Within a tick all presses are alike to it, so that what it would answer can be worked out before the press comes
(`pianogenie.thinking`). A press within 8 ms of the last one is as if together with it. The original instrument's
ticks are 32 ms (`docs/importing.md`).
"""

import math

_STEP_S = 0.008
_GROWTH = 1.05
_EVEN = 20
"""So many ticks of one length; from there on each is longer than the one before."""
_EVEN_S = _EVEN * _STEP_S
_LAST = _EVEN + math.floor(math.log(8.0 / _EVEN_S, _GROWTH))
"""From 8 s on nothing changes any more."""

FIRST = _LAST + 1
"""The tick of the first press, which comes after none."""


def tick_of(seconds: float) -> int:
    """The tick, 0 or above, of a press that comes so long after the one before."""
    if seconds < _EVEN_S:
        return max(int(seconds / _STEP_S), 0)
    return min(_EVEN + int(math.log(seconds / _EVEN_S, _GROWTH)), _LAST)


def middle_of(tick: int) -> float:
    """The seconds that stand for a tick below `FIRST`."""
    return (tick + 0.5) * _STEP_S if tick < _EVEN else _EVEN_S * _GROWTH ** (tick - _EVEN + 0.5)


def end_of(tick: int) -> float:
    """When a tick ends, seconds; infinity for the last."""
    if tick >= _LAST:
        return math.inf
    return (tick + 1) * _STEP_S if tick < _EVEN else _EVEN_S * _GROWTH ** (tick - _EVEN + 1)
