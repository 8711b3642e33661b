"""Buttons as a person might press them for a performance, who is not the encoder.

Two ways of playing. A *walking* hand moves from the button where it is, by how far the notes move; a *mapping*
hand lays the buttons over the keys around the notes of late, and follows slowly. Both know eight buttons and
no keys: a leap may hit the end of the row, and a repeated note is a repeated button.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class HandRule:
    """How one hand goes about it.

    Attributes:
        semitones: what a step to the next button stands for.
        leap: the farthest it walks at once, in buttons; None for a mapping hand, which does not walk.
        recentre: the share of the way back to the middle after a pause (walking), or to the new notes (mapping).
        pause_s: how long a wait is a pause.
        jitter: the standard deviation, in buttons, of where a moving finger lands.
    """

    name: str
    semitones: float
    leap: float | None
    recentre: float
    pause_s: float = 0.6
    jitter: float = 0.0


RULES = (
    HandRule("steps", semitones=2.0, leap=5, recentre=0.5),
    HandRule("chromatic", semitones=1.0, leap=7, recentre=0.3, jitter=0.2),
    HandRule("strides", semitones=3.5, leap=7, recentre=0.5, jitter=0.3),
    HandRule("lazy", semitones=5.0, leap=3, recentre=0.8, pause_s=0.4),
    HandRule("map", semitones=3.0, leap=None, recentre=0.05),
    HandRule("wide map", semitones=7.0, leap=None, recentre=0.02, jitter=0.3),
)
"""The hands that scores are made with. Training must not meet these; a family to learn from is another list."""


def buttons_of(
    rule: HandRule, keys: np.ndarray, delta_times: np.ndarray, num_buttons: int, rng: np.random.Generator
) -> np.ndarray:
    """keys int64 [B, N], delta_times float [B, N] in seconds -> buttons int64 [B, N]."""
    if rule.leap is None:
        place = _mapped(rule, keys, num_buttons)
    else:
        place = _walked(rule, keys, delta_times, num_buttons)
    repeated = np.zeros(keys.shape, bool)
    repeated[:, 1:] = keys[:, 1:] == keys[:, :-1]
    buttons = np.floor(place + rule.jitter * rng.standard_normal(keys.shape) + 0.5)
    buttons = np.clip(buttons, 0, num_buttons - 1).astype(np.int64)
    for n in range(1, keys.shape[1]):
        buttons[:, n] = np.where(repeated[:, n], buttons[:, n - 1], buttons[:, n])
    return buttons


def _walked(rule: HandRule, keys: np.ndarray, delta_times: np.ndarray, num_buttons: int) -> np.ndarray:
    last, middle = num_buttons - 1, (num_buttons - 1) / 2
    moves = np.diff(keys, axis=1) / rule.semitones
    # Whoever moves, moves to another button; and does not leap farther than the hand reaches.
    moves = np.sign(moves) * np.clip(np.abs(moves), 1, rule.leap) * (moves != 0)
    place = np.empty(keys.shape)
    place[:, 0] = here = np.full(len(keys), middle)
    for n in range(1, keys.shape[1]):
        paused = (delta_times[:, n] >= rule.pause_s) & (moves[:, n - 1] != 0)
        here = here + rule.recentre * (middle - here) * paused
        here = np.clip(here + moves[:, n - 1], 0, last)  # at the end of the row it stays, and turns from there
        place[:, n] = here
    return place


def _mapped(rule: HandRule, keys: np.ndarray, num_buttons: int) -> np.ndarray:
    place = np.empty(keys.shape)
    centre = keys[:, 0].astype(np.float64)
    for n in range(keys.shape[1]):
        place[:, n] = (keys[:, n] - centre) / rule.semitones + (num_buttons - 1) / 2
        centre += rule.recentre * (keys[:, n] - centre)
    return place
