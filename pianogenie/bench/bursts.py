"""What is played in a measurement: presses in bursts, the same for the same seed."""

from __future__ import annotations

import random
from typing import NamedTuple


class Move(NamedTuple):
    """A key, pad or note goes down or up at `time` seconds; `press` counts the presses from 0."""

    time: float
    source: int
    down: bool
    press: int


_BURST = (4, 24)
_GAPS_S = (0.0, 0.016)
"""Between two presses of a burst; one in eight comes together with the one before."""
_TOGETHER = 1 / 8
_HOLDS_S = (0.008, 0.040)
_REST_S = 0.004
"""For which a source stays up before it goes down again."""
_PAUSES_S = (0.02, 0.08)


def bursts(presses: int, sources: int, seed: int) -> list[Move]:
    """So many presses on so many sources, each with its release, in order of time from 0.

    A source goes down again only after it came up. Some 90 presses a second, at most 24 in a burst.
    """
    draw = random.Random(seed)
    moves: list[Move] = []
    free_at = [0.0] * sources
    now, left = 0.0, 0
    for press in range(presses):
        if left:
            now += 0.0 if draw.random() < _TOGETHER else draw.uniform(*_GAPS_S)
        else:
            left = draw.randint(*_BURST)
            now += draw.uniform(*_PAUSES_S)
        left -= 1
        now = max(now, min(free_at))
        source = draw.choice([i for i in range(sources) if free_at[i] <= now])
        release = now + draw.uniform(*_HOLDS_S)
        free_at[source] = release + _REST_S
        moves.append(Move(now, source, True, press))
        moves.append(Move(release, source, False, press))
    return sorted(moves, key=lambda move: move.time)  # stable: what comes together stays in its order
