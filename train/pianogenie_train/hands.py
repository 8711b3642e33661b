"""Buttons as a person might press them for a performance, who is not the encoder.

Two ways of playing. A *walking* hand moves from the button where it is, by how far the notes move; a *mapping*
hand lays the buttons over the keys around the notes of late, and follows slowly. Both know eight buttons and
no keys: a leap may hit the end of the row, and a repeated note is a repeated button.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class HandRule:
    """How a hand goes about it; numbers for one and the same in every window, or arrays [B] for one a window.

    Attributes:
        semitones: what a step to the next button stands for.
        leap: the farthest it walks at once, in buttons; None for a mapping hand, which does not walk.
        recentre: the share of the way back to the middle after a pause (walking), or to the new notes (mapping).
        pause_s: how long a wait is a pause.
        jitter: the standard deviation, in buttons, of where a moving finger lands.
    """

    name: str
    semitones: float | np.ndarray
    leap: float | np.ndarray | None
    recentre: float | np.ndarray
    pause_s: float | np.ndarray = 0.6
    jitter: float | np.ndarray = 0.0


RULES = (
    HandRule("steps", semitones=2.0, leap=5, recentre=0.5),
    HandRule("chromatic", semitones=1.0, leap=7, recentre=0.3, jitter=0.2),
    HandRule("strides", semitones=3.5, leap=7, recentre=0.5, jitter=0.3),
    HandRule("lazy", semitones=5.0, leap=3, recentre=0.8, pause_s=0.4),
    HandRule("map", semitones=3.0, leap=None, recentre=0.05),
    HandRule("wide map", semitones=7.0, leap=None, recentre=0.02, jitter=0.3),
)
"""The hands that scores are made with. Training does not meet these settings; it draws its own (`draw`)."""


def draw(windows: int, rng: np.random.Generator, *, walking: bool) -> HandRule:
    """A hand for each of so many windows, from the family that training learns from.

    The family is wider than RULES: what is learnt is to follow hands, not these hands.
    """
    return HandRule(
        "drawn",
        semitones=np.exp(rng.uniform(0, np.log(8), windows)),
        leap=rng.uniform(1.5, 7.5, windows) if walking else None,
        recentre=rng.uniform(0, 0.9, windows) if walking else np.exp(rng.uniform(np.log(0.01), np.log(0.1), windows)),
        pause_s=rng.uniform(0.25, 1.0, windows),
        jitter=rng.uniform(0, 0.45, windows) * (rng.random(windows) < 0.6),
    )


def drawn_buttons(keys: np.ndarray, delta_times: np.ndarray, num_buttons: int, rng: np.random.Generator) -> np.ndarray:
    """Buttons int64 [B, N] of drawn hands, most of them walking, for keys int64 [B, N] and delta times [B, N] (s)."""
    walking = -(-2 * len(keys) // 3)
    halves = ((slice(None, walking), True), (slice(walking, None), False))
    return np.concatenate(
        [
            buttons_of(draw(len(keys[rows]), rng, walking=walks), keys[rows], delta_times[rows], num_buttons, rng)
            for rows, walks in halves
        ]
    )


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
    buttons = np.floor(place + _column(rule.jitter) * rng.standard_normal(keys.shape) + 0.5)
    buttons = np.clip(buttons, 0, num_buttons - 1).astype(np.int64)
    for n in range(1, keys.shape[1]):
        buttons[:, n] = np.where(repeated[:, n], buttons[:, n - 1], buttons[:, n])
    return buttons


def _walked(rule: HandRule, keys: np.ndarray, delta_times: np.ndarray, num_buttons: int) -> np.ndarray:
    last, middle = num_buttons - 1, (num_buttons - 1) / 2
    moves = np.diff(keys, axis=1) / _column(rule.semitones)
    # Whoever moves, moves to another button; and does not leap farther than the hand reaches.
    moves = np.sign(moves) * np.clip(np.abs(moves), 1, _column(rule.leap)) * (moves != 0)
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


def _column(setting: float | np.ndarray) -> np.ndarray:
    """A setting, one for all windows or one a window, beside arrays [B, N]."""
    return np.reshape(setting, (-1, 1))
