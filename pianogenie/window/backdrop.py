"""What never changes: the dark stage behind the ribbons, the felt, the instrument's body."""

from __future__ import annotations

import numpy as np
import pygame

from pianogenie.keys import NUM_KEYS
from pianogenie.window.colours import BACKDROP_BOTTOM, BACKDROP_TOP, CHEEK, FELT, mix
from pianogenie.window.layout import Layout
from pianogenie.window.sprites import opaque

_STRIP_ROWS = 64
_C_PITCH_CLASS = 3
"""Of key numbers: key 3 is a C."""
_GUIDE_LIGHT = 0.018


def backdrop(layout: Layout) -> pygame.Surface:
    """The whole window without keys, buttons and text.

    Dark gradients show bands in eight bits; a grain of under one step, always the same, hides them. Painted in
    strips, so that the floats of a 4K picture never take memory all at once.
    """
    width, height = layout.window.w, layout.window.h
    surface = opaque(width, height)
    grain = np.random.default_rng(88).random((_STRIP_ROWS, width, 1), np.float32)
    pool = _pool_of_light(layout)
    guides = _guides(layout)
    for top in range(0, height, _STRIP_ROWS):
        rows = np.arange(top, min(top + _STRIP_ROWS, height))
        colour = _rows(layout, rows, pool, guides)
        pixels = np.empty((len(rows), width, 4), np.uint8)
        pixels[..., :3] = (255 * colour[..., ::-1] + grain[: len(rows)]).clip(0, 255)
        strip = pygame.image.frombuffer(pixels, (width, len(rows)), "BGRA")
        strip.set_alpha(None)
        surface.blit(strip, (0, top))
    return surface


def _pool_of_light(layout: Layout) -> np.ndarray:
    across = (np.arange(layout.window.w) + 0.5) / layout.window.w - 0.5
    return np.exp(-((across / 0.38) ** 2)).astype(np.float32)[:, None]


def _guides(layout: Layout) -> np.ndarray:
    """Faint lines up from each octave's C, for the eye to hold on to: [width, 1]."""
    line = np.zeros((layout.window.w, 1), np.float32)
    thickness = max(1, round(layout.window.w / 1600))
    for key in range(_C_PITCH_CLASS, NUM_KEYS, 12):
        x = layout.keys[key].x
        line[x : x + thickness] = _GUIDE_LIGHT
    return line


def _rows(layout: Layout, rows: np.ndarray, pool: np.ndarray, guides: np.ndarray) -> np.ndarray:
    """The colours [rows, width, 3] of some rows of the window."""
    colour = np.empty((len(rows), layout.window.w, 3), np.float32)
    for i, y in enumerate(rows):
        if y < layout.felt.y:
            share = y / max(layout.felt.y, 1)
            base = np.asarray(mix(BACKDROP_TOP, BACKDROP_BOTTOM, share**1.4), np.float32)
            light = 0.035 * share**3 * pool * np.array([0.9, 0.95, 1.1], np.float32)
            colour[i] = base + light + guides * (0.25 + 0.75 * share)
        elif y < layout.felt.bottom:
            # A rounded roll of cloth: light on its upper third, dark where it meets the keys.
            share = (y - layout.felt.y + 0.5) / layout.felt.h
            round_light = 0.30 + 0.85 * np.sin(np.pi * min(share * 0.9 + 0.12, 1.0))
            colour[i] = np.asarray(FELT, np.float32) * round_light * (0.75 + 0.25 * pool)
        else:
            share = (y - layout.felt.bottom) / max(layout.window.h - layout.felt.bottom, 1)
            colour[i] = np.asarray(CHEEK, np.float32) * (1.0 - 0.35 * share)
            if y < layout.keyboard.bottom:
                colour[i, layout.keyboard.x : layout.keyboard.right] *= 0.3
    return colour
