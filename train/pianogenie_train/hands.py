"""Buttons as a person might press them for a performance, who is not the encoder.

Two ways of playing. A *mapping* hand lays the buttons over the keys around the notes of late, and follows them slowly;
a *walking* hand moves from the button where it is, by how far the notes move. Both know a row of buttons and no keys:
a leap may hit the end of the row, and a repeated note is a repeated button.
"""

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class HandRule:
    """How a hand goes about it; one setting for all windows, or arrays [B] of one a window.

    Attributes:
        semitones: what a step to the next button stands for.
        walks: whether it walks, else it maps.
        leap: walking, the farthest it goes at once, in buttons.
        recentre: walking, the share of the way back to the middle after a pause.
        pause_s: how long a wait is a pause.
        turns: walking, whether it reaches back into the row from its end, to be able to go on; else it stays there.
        follow: mapping, the share of the way that its centre goes towards each note.
        start: mapping, by how many semitones its centre lies over the first note at the start.
        moves: mapping, whether another note is always another button, as far as the row goes.
        chord_s: notes that follow sooner are a chord, a button apart in a walking hand; 0: none are.
        jitter: the standard deviation, in buttons, of where a moving finger lands.
        strict: whether it never moves against the notes, whatever follows from the rest.
        alternates: the share of repeated notes that go to the finger beside.
    """

    name: str
    semitones: Any = 2.0
    walks: Any = False
    leap: Any = 7.0
    recentre: Any = 0.5
    pause_s: Any = 0.6
    turns: Any = False
    follow: Any = 0.05
    start: Any = 0.0
    moves: Any = False
    chord_s: Any = 0.0
    jitter: Any = 0.0
    strict: Any = True
    alternates: Any = 0.0


_SETTINGS = tuple(f.name for f in dataclasses.fields(HandRule) if f.name != "name")

RULES = (
    HandRule("map", semitones=3.0, follow=0.05, strict=False),
    HandRule("wide map", semitones=7.0, follow=0.02, jitter=0.3, strict=False),
    HandRule("scale map", semitones=1.7, follow=0.12, moves=True),
    HandRule("broad map", semitones=5.0, follow=0.03, moves=True, alternates=0.1),
    HandRule("steps", semitones=2.0, walks=True, leap=5, recentre=0.5, strict=False),
    HandRule("strides", semitones=3.5, walks=True, leap=7, recentre=0.5, jitter=0.3, strict=False),
    HandRule("lazy", semitones=5.0, walks=True, leap=3, recentre=0.8, pause_s=0.4, strict=False),
    HandRule("chords", semitones=2.5, walks=True, leap=6, recentre=0.3, turns=True, chord_s=0.04),
)
"""The hands that scores are made with. Training does not meet these settings; it draws its own (`draw`)."""


def in_turn(windows: int) -> HandRule:
    """The rules of RULES, one a window, over and over for so many windows."""
    of_each = [RULES[window % len(RULES)] for window in range(windows)]
    return HandRule("in turn", **{name: np.array([getattr(rule, name) for rule in of_each]) for name in _SETTINGS})


def draw(windows: int, rng: np.random.Generator) -> HandRule:
    """A hand for each of so many windows, from the family that training learns from.

    The family is wider than RULES: what is learnt is to follow hands, not these hands.
    """

    def some(share: float) -> np.ndarray:
        return rng.random(windows) < share

    return HandRule(
        "drawn",
        semitones=np.exp(rng.uniform(0, np.log(8), windows)),
        walks=some(0.45),
        leap=rng.uniform(1.5, 7.5, windows),
        recentre=rng.uniform(0, 0.9, windows) * some(0.8),
        pause_s=rng.uniform(0.25, 1.0, windows),
        turns=some(0.3),
        follow=np.exp(rng.uniform(np.log(0.005), np.log(0.3), windows)),
        moves=some(0.4),
        chord_s=rng.uniform(0.02, 0.06, windows) * some(0.4),
        jitter=rng.uniform(0, 0.45, windows) * some(0.35),
        strict=some(0.6),
        alternates=rng.uniform(0, 0.5, windows) * some(0.15),
        start=rng.normal(0, 8, windows) * some(0.3),
    )


def drawn_buttons(keys: np.ndarray, delta_times: np.ndarray, num_buttons: int, rng: np.random.Generator) -> np.ndarray:
    """Buttons int64 [B, N] of drawn hands for keys int64 [B, N] and delta times [B, N] (s)."""
    return buttons_of(draw(len(keys), rng), keys, delta_times, num_buttons, rng)


def buttons_of(
    rule: HandRule, keys: np.ndarray, delta_times: np.ndarray, num_buttons: int, rng: np.random.Generator
) -> np.ndarray:
    """keys int64 [B, N], delta_times float [B, N] in seconds -> buttons int64 [B, N]."""
    windows, notes = keys.shape
    last, middle = num_buttons - 1, (num_buttons - 1) / 2
    hand = _for_each(rule, windows)
    # Notes come first from here on, and what does not depend on the hand's place is worked out for all of them.
    slips = (hand.jitter[:, None] * rng.standard_normal(keys.shape)).T
    chances = np.ascontiguousarray(rng.random(keys.shape).T)
    keys, delta_times = np.ascontiguousarray(keys.T), delta_times.T
    moved = np.diff(keys, axis=0, prepend=keys[:1])
    ways = np.sign(moved)
    rested = hand.walks & (delta_times >= hand.pause_s) & (ways != 0)
    # Whoever walks on, walks on to another button; and does not leap farther than the hand reaches.
    strides = np.clip(np.abs(moved) / hand.semitones, 1, hand.leap)
    strides = ways * np.where(delta_times < hand.chord_s, 1, strides)
    repeated = chances < hand.alternates
    turns, moves = hand.walks & hand.turns, hand.moves & ~hand.walks
    buttons = np.empty((notes, windows), np.int64)
    centre = keys[0] + hand.start if notes else np.zeros(windows)  # of a mapping hand, a key
    here = np.full(windows, middle)  # of a walking hand, on the row
    for n in range(notes):
        mapped = (keys[n] - centre) / hand.semitones + middle
        centre = centre + hand.follow * (keys[n] - centre)
        if n == 0:
            buttons[0] = _nearest(np.where(hand.walks, here, mapped) + slips[0], last)
            continue
        way, before = ways[n], buttons[n - 1]
        here = here + hand.recentre * (middle - here) * rested[n]
        turned = turns & (way * (here - middle) > middle - 0.5)
        here = np.where(turned, middle - way * chances[n] * middle, here)
        # At the end of the row it stays, and turns from there.
        here = np.minimum(np.maximum(here + strides[n], 0), last)
        button = _nearest(np.where(hand.walks, here, mapped) + slips[n], last)
        onward = way * (button - before)
        beyond = np.minimum(np.maximum(before + way, 0), last)
        button = np.where(moves & (onward <= 0), beyond, button)
        against = way * (button - before) < 0
        button = np.where(hand.strict & against & ~turned & ~rested[n], before, button)
        beside = np.where(repeated[n], before + np.where(before < last, 1, -1), before)
        buttons[n] = np.where(way == 0, beside, button)
    return buttons.T


def _nearest(place: np.ndarray, last: int) -> np.ndarray:
    return np.minimum(np.maximum(np.floor(place + 0.5), 0), last).astype(np.int64)


def _for_each(rule: HandRule, windows: int) -> HandRule:
    """The same rule with an array [windows] for each setting."""
    return HandRule(rule.name, **{name: np.broadcast_to(getattr(rule, name), windows) for name in _SETTINGS})
