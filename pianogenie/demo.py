"""A written-in button performance: what a relaxed pair of hands might do on the buttons.

Phrases are drawn from a few shapes and rhythms, in a steady tempo that breathes; the genie does the rest.
"""

import random

from pianogenie.events import Pedal, PlayerEvent, Press, Release
from pianogenie.performance import Performance

BEAT_S = 0.56
_BEATS_IN_A_PHRASE = 8.0
_BREATH_S = 0.25

# Where a phrase goes, in parts of the row of buttons (0 leftmost, 1 rightmost); its notes follow it.
_SHAPES = (
    (0.0, 0.45, 1.0, 0.6, 0.2),  # up and back
    (1.0, 0.55, 0.0, 0.3),  # down, with a turn at its end
    (0.4, 0.9, 0.3, 0.8, 0.5),  # waves
    (0.2, 0.25, 0.75, 1.0),  # a slow start, then a climb
    (0.7, 0.5, 0.75, 0.35, 0.1),  # sinking
)
# Lengths in beats; each row is walked round and round until its phrase is full.
_RHYTHMS = (
    (0.5, 0.5, 0.5, 0.5, 1.0, 1.0),
    (0.25, 0.25, 0.5, 0.5, 0.5, 1.0),
    (1 / 3, 1 / 3, 1 / 3, 0.5, 0.5, 1.0),
    (0.75, 0.25, 0.5, 0.5, 1.0),
    (0.25, 0.25, 0.25, 0.25, 0.25, 0.25, 0.5, 1.0),
)


def demo_performance(seconds: float = 30.0, seed: int = 0, num_buttons: int = 8) -> Performance:
    """Write a button performance of about this length.

    Args:
        seconds: when the last button is let go, at the latest.
        seed: of the phrases; the same seed and length give the same performance.
        num_buttons: how many buttons to write for.
    """
    draw = random.Random(seed)
    events: list[PlayerEvent] = []
    now = 0.0
    while now < seconds - BEAT_S:
        now = _phrase(events, draw, now, seconds, num_buttons) + _BREATH_S
    # The sort is stable: what was written first stays first where times agree.
    events.sort(key=lambda event: event.time)
    return Performance(num_buttons, events)


def _phrase(events: list[PlayerEvent], draw: random.Random, start: float, end: float, buttons: int) -> float:
    shape, rhythm = draw.choice(_SHAPES), draw.choice(_RHYTHMS)
    beat_s = BEAT_S * draw.uniform(0.92, 1.08)
    beats = note = 0
    pedalled_at = -1.0
    now = start
    while beats < _BEATS_IN_A_PHRASE and now < end - 0.2:
        length = rhythm[note % len(rhythm)]
        if beats - pedalled_at >= 2 or note == 0:  # a fresh pedal every other beat, as for a change of harmony
            events += [Pedal(0, round(now, 4)), Pedal(127, round(min(now + 0.08, end), 4))]
            pedalled_at = beats
        place = _along(shape, beats / _BEATS_IN_A_PHRASE) * (buttons - 1)
        button = min(buttons - 1, max(0, round(place + draw.gauss(0, 0.5))))
        hold = min(length * beat_s * draw.uniform(0.75, 0.98), end - now)
        _strike(events, button, now, hold)
        if length >= 1.0 and buttons > 3:  # a long note is worth a second voice below it
            _strike(events, (button + buttons // 2) % buttons, now + draw.uniform(0.0, 0.02), hold * 0.9)
        beats += length
        note += 1
        now = now + length * beat_s * draw.uniform(0.97, 1.03)
    events.append(Pedal(0, round(min(now, end), 4)))
    return now


def _strike(events: list[PlayerEvent], button: int, time: float, hold: float) -> None:
    events += [Press(button, round(time, 4)), Release(button, round(time + hold, 4))]


def _along(shape: tuple[float, ...], part: float) -> float:
    """The height of a shape `part` (0..1) of the way along it, on straight lines between its points."""
    place = min(part, 1.0) * (len(shape) - 1)
    left = min(int(place), len(shape) - 2)
    return shape[left] + (shape[left + 1] - shape[left]) * (place - left)
