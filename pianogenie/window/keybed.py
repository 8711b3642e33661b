"""The 88 keys: ivory and ebony at rest, down and alight when struck."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pygame

from pianogenie.keys import NUM_KEYS, is_black
from pianogenie.window.colours import EBONY, IVORY, Tint, mix
from pianogenie.window.layout import Box, Layout
from pianogenie.window.sprites import Plate, distance, edge, filled, soft, vertical

_BLACK, _WHITE = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)


@dataclass(frozen=True, slots=True)
class Light:
    """How a key shines: the button that struck it, and how strongly (0..1)."""

    button: int
    strength: float


class Keybed:
    """Draws the keyboard on a canvas, and single keys of it again as their lights change."""

    def __init__(self, layout: Layout, tints: Sequence[Tint]):
        self._boxes = layout.keys
        self._area = layout.keyboard
        self._tints = tints
        self._sprites: dict[tuple[bool, int, int | None], pygame.Surface] = {}
        white = layout.keyboard.w / 52
        self._shadow = max(1, round(white * 0.22))
        self._neighbours = [self._blacks_over(key) for key in range(NUM_KEYS)]

    def draw_all(self, canvas: pygame.Surface) -> None:
        """Every key at rest."""
        for black in (False, True):
            for key in range(NUM_KEYS):
                if is_black(key) == black:
                    self._blit(canvas, key, None)

    def prepare(self) -> Iterator[None]:
        """Make the pictures of lit keys, one a step."""
        shapes = {(is_black(key), box.w): box for key, box in enumerate(self._boxes)}
        for (black, _), box in shapes.items():
            for button in range(len(self._tints)):
                self._sprite(black, box, button)
                yield

    def draw(
        self, canvas: pygame.Surface, rest: pygame.Surface, keys: Iterable[int], lights: dict[int, Light]
    ) -> list[Box]:
        """Draw some keys anew over the picture at rest, and what overlaps them. Returns the boxes it changed."""
        changed = []
        for key in keys:
            # A black key's shadow lies on its neighbours; a white key wears its black neighbours on top.
            box = self._boxes[key].grown(self._shadow if is_black(key) else 0, self._area)
            canvas.set_clip(box)
            canvas.blit(rest, (box.x, box.y), box)
            under = [key] if not is_black(key) else [k for k in (key - 1, key + 1) if 0 <= k < NUM_KEYS]
            for white in under:
                if white in lights:
                    self._blit(canvas, white, lights[white])
                    for black in self._neighbours[white]:
                        self._blit(canvas, black, None)
            for black in self._neighbours[key] if not is_black(key) else [key]:
                if black in lights:
                    self._blit(canvas, black, lights[black])
            changed.append(box)
        canvas.set_clip(None)
        return changed

    def _blacks_over(self, key: int) -> list[int]:
        if is_black(key):
            return []
        return [k for k in (key - 1, key + 1) if 0 <= k < NUM_KEYS and is_black(k)]

    def _blit(self, canvas: pygame.Surface, key: int, light: Light | None) -> None:
        box = self._boxes[key]
        black = is_black(key)
        sprite = self._sprite(black, box, light.button if light else None)
        sprite.set_alpha(255 if light is None else round(255 * light.strength))
        x = box.x - self._shadow if black else box.x
        canvas.blit(sprite, (x, box.y))

    def _sprite(self, black: bool, box: Box, button: int | None) -> pygame.Surface:
        wanted = (black, box.w, button)
        if wanted not in self._sprites:
            tint = None if button is None else self._tints[button]
            make = self._black_key if black else _white_key
            self._sprites[wanted] = make(box.w, box.h, tint)
        return self._sprites[wanted]

    def _black_key(self, w: int, h: int, tint: Tint | None) -> pygame.Surface:
        pad = self._shadow
        width, height = w + 2 * pad, h + pad
        plate = Plate(width, height)
        radius = 0.16 * w
        sink = 0 if tint is None else 0.25 * pad
        body = distance(width, height, (pad, -radius, w, h + radius), radius)
        cast = distance(width, height, (pad + 0.35 * pad, -w, w, h + w), radius)
        plate.over(_BLACK, soft(cast, pad), 0.55 if tint is None else 0.35)
        side = EBONY if tint is None else tint.deep
        plate.over(vertical(height, (0, mix(side, _BLACK, 0.45)), (1, mix(side, _BLACK, 0.25))), filled(body))
        bevel, front = 0.14 * w, (0.085 if tint is None else 0.055) * h
        top = distance(width, height, (pad + bevel, -w, w - 2 * bevel, h + w - front + sink * 0), 0.20 * w)
        if tint is None:
            stops = [(0, mix(EBONY, _BLACK, 0.55)), (0.25, EBONY), (0.9, mix(EBONY, _WHITE, 0.13)), (1, EBONY)]
        else:
            stops = [(0, tint.glow), (0.35, tint.lit), (1, mix(tint.lit, tint.deep, 0.35))]
        plate.over(vertical(height, *stops), filled(top))
        plate.light(_WHITE, edge(top, max(1.0, 0.07 * w)) * np.linspace(0.3, 1, height)[:, None], 0.10)
        # The front slope catches a little light along its upper edge.
        plate.light(_WHITE, filled(body) * _band(height, h - front, h - 0.45 * front), 0.12)
        return plate.surface()


def _white_key(w: int, h: int, tint: Tint | None) -> pygame.Surface:
    plate = Plate(w, h)
    gap = max(0.35, 0.022 * w)
    radius = 0.14 * w
    lip = 0.055 * h if tint is None else 0.018 * h
    body = distance(w, h, (gap, -radius, w - 2 * gap, h + radius - 0.5), radius)
    face = distance(w, h, (gap, -radius, w - 2 * gap, h + radius - lip), radius)
    if tint is None:
        shade = [(0, 0.50), (0.05, 0.74), (0.16, 0.90), (0.6, 0.98), (1, 1.0)]
        stops = [(at, mix(_BLACK, IVORY, share)) for at, share in shade]
        front = mix(IVORY, (0.42, 0.38, 0.34), 0.55)
    else:
        stops = [
            (0, tint.glow),
            (0.30, mix(tint.lit, tint.glow, 0.35)),
            (0.62, tint.lit),
            (1, mix(tint.lit, IVORY, 0.30)),
        ]
        front = mix(tint.deep, _BLACK, 0.2)
    plate.over(_BLACK, np.ones((h, w)), 1.0)
    plate.over(front, filled(body))
    plate.over(vertical(h, *stops), filled(face))
    across = (np.arange(w) + 0.5) / w
    # Light comes from the upper left: a bright left edge, a shaded right one; a key that is down lies in the
    # shadow of both its neighbours.
    plate.over(_BLACK, filled(face) * np.clip((across - 0.80) / 0.2, 0, 1)[None, :], 0.16)
    if tint is None:
        plate.light(_WHITE, filled(face) * np.clip(1 - across / 0.12, 0, 1)[None, :], 0.10)
        plate.light(_WHITE, edge(face, max(1.0, 0.05 * w)) * _band(h, h - lip - radius, h), 0.08)
    else:
        plate.over(_BLACK, filled(face) * np.clip(1 - across / 0.2, 0, 1)[None, :], 0.22)
    return plate.surface()


def _band(height: int, start: float, end: float) -> np.ndarray:
    """A mask [height, 1] of the rows between two heights."""
    at = np.arange(height) + 0.5
    return (np.clip(at - start + 0.5, 0, 1) * np.clip(end - at + 0.5, 0, 1))[:, None]
