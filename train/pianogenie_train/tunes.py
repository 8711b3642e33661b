"""Tunes made up on the spot, with the buttons that a person would tap for them: a step of the scale, a button.

The encoder, left alone, finds buttons that suit the decoder; nobody's fingers know them. From these tunes it learns
what fingers do, and the decoder what they mean. They are single voices of phrases that come back, in a scale and around
a home note; no melody that scores are made with (melodies.py) is among them, nor do they come from any collection.
"""

import numpy as np

from pianogenie.keys import FIRST_DELTA_TIME_S

_SCALES = np.array(
    [
        [0, 2, 4, 5, 7, 9, 11],  # major
        [0, 2, 3, 5, 7, 8, 10],  # minor
        [0, 2, 3, 5, 7, 8, 11],  # harmonic minor
        [0, 2, 3, 5, 7, 9, 10],  # dorian
        [0, 2, 4, 5, 7, 9, 10],  # mixolydian
    ]
)
_SCALE_OFTEN = [0.6, 0.12, 0.14, 0.07, 0.07]
_STEPS = np.array([0, 1, -1, 2, -2, 3, -3, 4, -4, 5, -5, 7, -7])
"""Moves from note to note, in steps of the scale."""
_STEP_OFTEN = np.array([17, 22, 26, 9, 9, 4.5, 3.5, 3, 2, 1.5, 1, 1, 0.5]) / 100
_SPANS = np.array([4, 5, 6, 7, 8, 9, 10, 11])
"""From the lowest note to the highest, in steps of the scale."""
_SPAN_OFTEN = [0.1, 0.16, 0.18, 0.2, 0.14, 0.1, 0.07, 0.05]
_LOWEST_KEYS = (27, 52)
"""Where the home note may lie: from C2 to well above the middle."""
SHORTEST, LONGEST = 14, 64
"""Notes in a tune."""


def draw(count: int, num_buttons: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """So many tunes of a length that is drawn too: keys int64 [B, N], delta times float64 [B, N] in seconds and
    buttons int64 [B, N]."""
    length = int(rng.integers(SHORTEST, LONGEST + 1))
    tunes = [_tune(length, num_buttons, rng) for _ in range(count)]
    if not tunes:
        return np.zeros((0, length), np.int64), np.zeros((0, length)), np.zeros((0, length), np.int64)
    keys, delta_times, buttons = zip(*tunes, strict=True)
    return np.stack(keys), np.stack(delta_times), np.stack(buttons)


def _tune(length: int, num_buttons: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    scale = _SCALES[rng.choice(len(_SCALES), p=_SCALE_OFTEN)]
    span = int(rng.choice(_SPANS, p=_SPAN_OFTEN))
    home = int(rng.integers(span + 1)) if rng.random() < 0.6 else 0
    steps = _line(length, span, home, rng)
    octaves, degrees = np.divmod(steps - home, 7)
    keys = int(rng.integers(*_LOWEST_KEYS)) + 12 * octaves + scale[degrees]
    buttons = _laid_over(steps, num_buttons - 1, rng)
    if rng.random() < 0.5:  # now and then a neighbour from outside the scale, between two notes that are the same
        turned = 1 + np.flatnonzero((steps[2:] == steps[:-2]) & (rng.random(length - 2) < 0.1))
        keys[turned], buttons[turned] = keys[turned - 1] - 1, np.maximum(buttons[turned - 1] - 1, 0)
    return np.clip(keys, 0, 87), _delta_times(length, rng), buttons


def _line(length: int, span: int, home: int, rng: np.random.Generator) -> np.ndarray:
    """Steps of the scale above the lowest note, int64 [length]: phrases, some of which come back."""
    here = int(np.clip(home + rng.choice([0, 0, 2, 4, -3]), 0, span))
    skipped = (3, 6) if rng.random() < 0.15 else ()  # a scale of five notes leaves out the fourth and the seventh
    phrases: list[np.ndarray] = []
    line: list[int] = []
    while len(line) < length:
        if phrases and rng.random() < 0.4:
            phrase = np.clip(phrases[rng.integers(len(phrases))] + rng.choice([0, 0, 0, -1, 1]), 0, span)
        else:
            notes = int(rng.integers(3, 13))
            moves, going_on = rng.choice(_STEPS, size=notes, p=_STEP_OFTEN), rng.random(notes) < 0.35
            phrase, way = np.empty(notes, np.int64), 0
            for n, move in enumerate(moves):
                if going_on[n] and way and abs(move) < 3:
                    move = way * max(abs(move), 1)
                to = here + move if 0 <= here + move <= span else here - move
                while (to - home) % 7 in skipped:
                    to += 1 if move < 0 else -1
                to = int(np.clip(to, 0, span))
                way, here = int(np.sign(to - here)), to
                phrase[n] = to
        if rng.random() < 0.4:
            phrase[-1] = home
        phrases.append(phrase)
        line += phrase.tolist()
        here = line[-1]
    return np.array(line[:length])


def _laid_over(steps: np.ndarray, last: int, rng: np.random.Generator) -> np.ndarray:
    """The buttons of a line of steps: one each where they fit, from the low end of the row or from its middle."""
    above, width = steps - steps.min(), int(np.ptp(steps))
    if width > last:
        return np.floor(above * last / width + 0.5).astype(np.int64)
    spare = last - width
    return above + int(rng.choice([0, spare // 2, rng.integers(spare + 1)], p=[0.4, 0.4, 0.2]))


def _delta_times(length: int, rng: np.random.Generator) -> np.ndarray:
    beat_s = np.exp(rng.uniform(np.log(0.12), np.log(0.6)))
    delta_times = np.full(length, beat_s)
    if rng.random() < 0.5:  # else even, as when somebody taps a tune out
        delta_times *= rng.choice([1, 1, 1, 0.5, 2, 1.5, 3], size=length) * rng.uniform(0.95, 1.05, length)
    if rng.random() < 0.5:
        delta_times[0] = FIRST_DELTA_TIME_S
    return delta_times
