"""The big coloured buttons."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pygame

from pianogenie.window.colours import Tint, mix
from pianogenie.window.layout import Box, Layout
from pianogenie.window.sprites import Plate, distance, edge, filled, soft, vertical
from pianogenie.window.text import Lettering

_BLACK, _WHITE = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
_INK = (0.03, 0.035, 0.05)


class Pads:
    """Draws the row of buttons at rest, and the lit ones over it.

    A lit button's halo reaches over its neighbours, so all lit ones are drawn again whenever one changes.
    """

    def __init__(self, layout: Layout, tints: Sequence[Tint], letters: Sequence[str], lettering: Lettering):
        self._boxes = layout.buttons
        box = self._boxes[0]
        self._depth = max(2, round(0.055 * box.h))
        self._halo = max(4, round(0.20 * box.h))
        # Light falls on what lies below and beside; the keys above hide it.
        top = layout.keyboard.bottom
        self.area = Box(0, top, layout.window.w, layout.window.h - top)
        self._room = tuple(b.grown(self._halo, self.area) for b in self._boxes)
        self._tints = tints
        self._letters = letters
        self._lettering = lettering
        self._sprites: dict[tuple[int, bool], pygame.Surface] = {}

    def draw_all(self, canvas: pygame.Surface) -> None:
        """Every button at rest."""
        for button in range(len(self._boxes)):
            self._blit(canvas, button, lit=False, strength=1.0)

    def prepare(self) -> Iterator[None]:
        """Make the pictures of lit buttons, one a step."""
        for button in range(len(self._boxes)):
            self._sprite(button, lit=True)
            yield

    def draw(
        self, canvas: pygame.Surface, rest: pygame.Surface, changed: Sequence[int], lights: dict[int, float]
    ) -> list[Box]:
        """Draw the lit buttons (button to strength 0..1) after some changed. Returns the boxes it changed."""
        canvas.set_clip(self.area)
        for button in set(changed) | set(lights):
            canvas.blit(rest, self._room[button][:2], self._room[button])
        for button, strength in lights.items():
            self._blit(canvas, button, lit=True, strength=strength)
        canvas.set_clip(None)
        return [self._room[button] for button in changed]

    def _blit(self, canvas: pygame.Surface, button: int, lit: bool, strength: float) -> None:
        sprite = self._sprite(button, lit)
        sprite.set_alpha(round(255 * strength))
        box = self._boxes[button]
        canvas.blit(sprite, (box.x - self._halo, box.y - self._halo))

    def _sprite(self, button: int, lit: bool) -> pygame.Surface:
        if (button, lit) not in self._sprites:
            sprite = self._face(self._boxes[button], self._tints[button], lit)
            self._label(sprite, button, lit)
            self._sprites[button, lit] = sprite
        return self._sprites[button, lit]

    def _face(self, box: Box, tint: Tint, lit: bool) -> pygame.Surface:
        """A cap that stands `depth` pixels proud of its side at rest, and nearly flat, alight, when pressed."""
        halo, depth = self._halo, self._depth
        width, height = box.w + 2 * halo, box.h + 2 * halo
        plate = Plate(width, height)
        radius = 0.13 * min(box.w, box.h) + 2
        drop = round(0.8 * depth) if lit else 0
        whole = distance(width, height, (halo, halo, box.w, box.h), radius)
        cap = distance(width, height, (halo, halo + drop, box.w, box.h - depth), radius)
        if lit:
            plate.over(tint.lit, soft(whole, halo) ** 2, 0.55)
        else:
            plate.over(
                _BLACK, soft(distance(width, height, (halo, halo + depth, box.w, box.h), radius), 0.6 * halo), 0.55
            )
        plate.over(
            mix(tint.deep, _BLACK, 0.35),
            filled(distance(width, height, (halo, halo + drop, box.w, box.h - drop), radius)),
        )
        top, bottom = (
            (mix(tint.lit, tint.glow, 0.55), tint.lit)
            if lit
            else (mix(tint.idle, _WHITE, 0.06), mix(tint.idle, tint.deep, 0.42))
        )
        start, end = (halo + drop) / height, (halo + box.h - depth + drop) / height
        plate.over(vertical(height, (start, top), (end, bottom)), filled(cap))
        rows = (np.arange(height) + 0.5 - halo - drop) / max(box.h - depth, 1)
        # A shine on the upper rim, a shade on the lower one, and a shallow dish for the finger.
        rim = edge(cap, max(1.0, 0.012 * box.h))
        plate.light(_WHITE, rim * np.clip(1 - rows / 0.5, 0, 1)[:, None], 0.32)
        plate.over(_BLACK, rim * np.clip(rows * 2 - 1, 0, 1)[:, None], 0.18)
        across = (np.arange(width) + 0.5 - halo) / box.w - 0.5
        dish = np.exp(-((across / 0.33) ** 2))[None, :] * np.exp(-(((rows - 0.44) / 0.36) ** 2))[:, None]
        plate.light(tint.glow if lit else tint.lit, filled(cap) * dish, 0.10 if lit else 0.13)
        return plate.surface()

    def _label(self, sprite: pygame.Surface, button: int, lit: bool) -> None:
        box = self._boxes[button]
        room = min(box.w, box.h)
        drop = round(0.8 * self._depth) if lit else 0
        middle_x = self._halo + box.w / 2
        cap_height = box.h - self._depth
        ink = _INK if lit else mix(_INK, self._tints[button].idle, 0.06)
        number = self._lettering.draw(str(button + 1), "semibold", 0.36 * room, ink, box.w - 2)
        letter = self._lettering.draw(
            self._letters[button], "medium", 0.185 * room, mix(ink, self._tints[button].idle, 0.12), box.w - 2
        )
        for text, share in ((number, 0.43), (letter, 0.76)):
            x = round(middle_x - text.get_width() / 2)
            y = round(self._halo + drop + cap_height * share - text.get_height() / 2)
            sprite.blit(text, (x, y))
