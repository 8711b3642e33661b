"""How hard a key is struck and how it is damped, as numbers: the taste of the built-in piano in one place.

A strike's velocity (1..127) picks a layer of samples and a volume. Each sound is scaled beforehand to the
loudness of its layer's highest velocity, so that the volume only ever turns down, in the mixer's own 128
steps, and neighbouring layers meet at the same loudness (measured: docs/piano.md).
"""

import math

from pianogenie.keys import NUM_KEYS, key_of

LAYER_TOPS = (55, 92, 127)
"""The highest velocity of each layer, softest first."""

NUM_LAYERS = len(LAYER_TOPS)
FULL_VOLUME = 128
"""A volume is a whole number of 1..128, as SDL_mixer has them; gain = volume / 128."""

_FLOOR = 0.035
_CURVE = 1.2

HEADROOM_DB = 9.0
"""How far the loudest strike lies below the source's own level, so that chords need not be squashed."""

FIRST_UNDAMPED_KEY = key_of(90)
"""From here up (F sharp 6) a real piano has no dampers: these keys ring out, whatever the hand does."""

RESTRIKE_FADE_S = 0.04
"""How fast a voice makes room for a new strike of its key, or for another voice when all are taken."""

_DAMPING_S = (0.25, 0.15)
_FADE_PER_S_DB = (4.0, 40.0)


def gain_of(velocity: int) -> float:
    """The gain (0.035..1) of a velocity: from -29 dB at 1 over -7 at 64 to 0 at 127."""
    return _FLOOR + (1 - _FLOOR) * ((velocity - 1) / 126) ** _CURVE


def _strike_of(velocity: int) -> tuple[int, int]:
    layer = next(layer for layer, top in enumerate(LAYER_TOPS) if velocity <= top)
    volume = round(FULL_VOLUME * gain_of(velocity) / gain_of(LAYER_TOPS[layer]))
    return layer, max(1, volume)


STRIKES = tuple(_strike_of(max(1, velocity)) for velocity in range(128))
"""The (layer, volume) of each velocity 0..127; looked up on the hot path."""

LAYER_GAINS = tuple(gain_of(top) for top in LAYER_TOPS)
"""The gain baked into the sounds of each layer."""


def _between(ends: tuple[float, float], key: int) -> float:
    return ends[0] + (ends[1] - ends[0]) * key / (NUM_KEYS - 1)


DAMPING_S = tuple(_between(_DAMPING_S, key) for key in range(NUM_KEYS))
"""How long the damper takes to silence each key: a bass string is heavy."""

DECAY_DB_PER_S = tuple(_between(_FADE_PER_S_DB, key) for key in range(NUM_KEYS))
"""About how fast each key's sound dies away by itself: good enough to guess which voice is least heard."""


def loudness_db(key: int, layer: int, volume: int, age_s: float) -> float:
    """A guess at how loud a voice still is, in dB below a fresh strike at full force."""
    return 20 * math.log10(LAYER_GAINS[layer] * volume / FULL_VOLUME) - DECAY_DB_PER_S[key] * age_s
