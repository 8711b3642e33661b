"""The colours: one hue a button, even in lightness, in an order that colour-blind players can tell apart."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

RGB = tuple[float, float, float]
"""Red, green, blue in the sRGB encoding, 0..1."""

BACKDROP_TOP: RGB = (0.030, 0.033, 0.043)
BACKDROP_BOTTOM: RGB = (0.075, 0.080, 0.098)
CHEEK: RGB = (0.045, 0.047, 0.055)
"""The instrument's dark body around the keys and buttons."""
FELT: RGB = (0.33, 0.055, 0.085)
IVORY: RGB = (0.925, 0.910, 0.880)
EBONY: RGB = (0.085, 0.087, 0.098)
TEXT: RGB = (0.80, 0.81, 0.84)
QUIET_TEXT: RGB = (0.50, 0.52, 0.57)
AMBER: RGB = (1.0, 0.74, 0.36)

# From warm on the left to cool on the right: past the first steps yellowness only falls along this arc, and
# yellow to blue is the one axis of hue that red-green blindness leaves.
_FIRST_HUE, _LAST_HUE = 25.0, 312.0
_LIGHTNESS, _CHROMA = 0.74, 0.145
# Neighbours differ a little in lightness as well: too little to see as such, enough to help the eye.
_LIGHTNESS_STEP = 0.035


@dataclass(frozen=True)
class Tint:
    """One button's colour from dim to glowing."""

    idle: RGB
    """The button's face at rest."""
    deep: RGB
    """Its side, and the far end of its ribbons."""
    lit: RGB
    """Pressed, and the key that it struck."""
    glow: RGB
    """Nearly white: where the light comes from."""


def tints(num_buttons: int) -> tuple[Tint, ...]:
    """One tint a button, left to right."""
    found = []
    for button in range(num_buttons):
        share = button / max(num_buttons - 1, 1)
        hue = _FIRST_HUE + (_LAST_HUE - _FIRST_HUE) * share
        lightness = _LIGHTNESS + _LIGHTNESS_STEP * (-1) ** button
        found.append(
            Tint(
                idle=oklch(lightness - 0.15, _CHROMA * 0.86, hue),
                deep=oklch(lightness - 0.36, _CHROMA * 0.72, hue),
                lit=oklch(lightness, _CHROMA * 1.2, hue),
                glow=oklch(lightness + 0.14, _CHROMA * 0.66, hue),
            )
        )
    return tuple(found)


def oklch(lightness: float, chroma: float, hue_degrees: float) -> RGB:
    """A colour by perceived lightness (0..1), chroma and hue; chroma gives way where sRGB ends.

    Source: Björn Ottosson, 'A perceptual color space for image processing' (2020).
    """
    for _ in range(40):
        linear = _linear(lightness, chroma, math.radians(hue_degrees))
        if all(-1e-4 <= c <= 1.0001 for c in linear):
            break
        chroma *= 0.95
    red, green, blue = (_encoded(c) for c in linear)
    return red, green, blue


def _linear(lightness: float, chroma: float, hue: float) -> np.ndarray:
    a, b = chroma * math.cos(hue), chroma * math.sin(hue)
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    return np.array(
        [
            4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
            -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
            -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short,
        ]
    )


def _encoded(linear: float) -> float:
    linear = min(max(linear, 0.0), 1.0)
    return 12.92 * linear if linear <= 0.0031308 else 1.055 * linear ** (1 / 2.4) - 0.055


def mix(a: RGB, b: RGB, share: float) -> RGB:
    """`a` with `share` (0..1) of `b`."""
    return tuple(x + (y - x) * share for x, y in zip(a, b, strict=True))


def bytes_of(colour: RGB) -> tuple[int, int, int]:
    """A colour as pygame takes it, 0..255 each."""
    red, green, blue = (round(255 * c) for c in colour)
    return red, green, blue
