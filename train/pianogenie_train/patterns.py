"""Button patterns that people play when they try an instrument out, for scoring a decoder on its own."""

import numpy as np

ROWS = 32
"""Performances a pattern, at tempos from 0.08 to 0.5 s a press."""
PRESSES = 128


def patterns(num_buttons: int, rng: np.random.Generator) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Each pattern by name: buttons int64 [ROWS, PRESSES] and delta times float32 [ROWS, PRESSES] in seconds."""
    last = num_buttons - 1
    up = np.arange(num_buttons)
    cycles = {
        "scales": [np.concatenate([up, up[-2:0:-1]])],
        "arpeggios": [
            np.concatenate([up[::2], up[::2][-2:0:-1]]),
            np.concatenate([up[::3], up[::3][-2:0:-1]]),
            _broken(up, min(2, last)),
        ],
        "trills": [np.array([low, low + step]) for low in range(last) for step in (1, 2) if low + step <= last],
    }
    made = {}
    for name, shapes in cycles.items():
        shapes = [shape for shape in shapes if shape.min() < shape.max()]  # with few buttons some stand still
        rows = []
        for row in range(ROWS):
            shape = shapes[row % len(shapes)]
            shape = last - shape if row % 4 >= 2 else shape  # and upside down
            start = rng.integers(len(shape))
            rows.append(np.resize(np.roll(shape, -start), PRESSES))
        made[name] = np.stack(rows).astype(np.int64)
    made["walks"] = _walks(num_buttons, rng)
    tempos = np.geomspace(0.08, 0.5, ROWS)[:, None]
    return {
        name: (buttons, (tempos * rng.uniform(0.9, 1.1, buttons.shape)).astype(np.float32))
        for name, buttons in made.items()
    }


def _broken(up: np.ndarray, step: int) -> np.ndarray:
    """0 2 1 3 2 4 ...: broken thirds, up the row and down again."""
    pairs = np.stack([up[:-step], up[step:]], axis=1).ravel()
    return np.concatenate([pairs, pairs[::-1]]) if len(pairs) else up


def _walks(num_buttons: int, rng: np.random.Generator) -> np.ndarray:
    moves = rng.choice([-2, -1, -1, 0, 1, 1, 2], size=(ROWS, PRESSES))
    here, steps = rng.integers(num_buttons, size=ROWS), []
    for n in range(PRESSES):
        here = np.clip(here + moves[:, n], 0, num_buttons - 1)
        steps.append(here)
    return np.stack(steps, axis=1).astype(np.int64)
