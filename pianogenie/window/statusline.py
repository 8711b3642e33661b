"""The thin line at the bottom: what is playing on what, and the pedal."""

from __future__ import annotations

import pygame

from pianogenie.window.colours import AMBER, QUIET_TEXT, TEXT, mix
from pianogenie.window.layout import Box, Layout
from pianogenie.window.sprites import Plate, distance, edge, filled
from pianogenie.window.text import Lettering

_PEDAL_TEXT = "pedal"
_DARK = (0.02, 0.022, 0.028)


class StatusLine:
    """Draws the status text on the left and the pedal's lamp on the right."""

    def __init__(self, layout: Layout, lettering: Lettering):
        self._box = layout.status
        self._lettering = lettering
        self._shown: tuple[str, int] | None = None

    def draw(self, canvas: pygame.Surface, rest: pygame.Surface, text: str, pedal: int) -> list[Box]:
        """Draw it if text or pedal (0..127) changed. Returns the boxes it changed."""
        if (text, pedal) == self._shown:
            return []
        self._shown = (text, pedal)
        box = self._box
        canvas.blit(rest, (box.x, box.y), box)
        lamp = self._lamp(pedal / 127)
        canvas.blit(lamp, (box.right - lamp.get_width(), box.y + (box.h - lamp.get_height()) // 2))
        room = box.w - lamp.get_width() - box.h
        if room > 0:
            words = self._lettering.draw(text, "medium", self._size, mix(QUIET_TEXT, TEXT, 0.45), room)
            canvas.blit(words, (box.x, box.y + (box.h - words.get_height()) // 2))
        return [box]

    @property
    def _size(self) -> float:
        return self._box.h * 0.47

    def _lamp(self, down: float) -> pygame.Surface:
        """A pill that fills with amber as the pedal goes down."""
        label = self._lettering.draw(_PEDAL_TEXT, "medium", self._size, mix(QUIET_TEXT, _DARK, down))
        height = round(self._box.h * 0.78)
        width = label.get_width() + round(height * 0.95)
        plate = Plate(width, height)
        shape = distance(width, height, (0.5, 0.5, width - 1, height - 1), height / 2)
        plate.over(_DARK, filled(shape), 0.8)
        plate.over(mix(_DARK, AMBER, 0.25 + 0.75 * down), filled(shape), down)
        plate.over(mix(QUIET_TEXT, AMBER, down), edge(shape, max(1.0, 0.05 * height)), 0.5)
        lamp = plate.surface()
        lamp.blit(label, ((width - label.get_width()) // 2, (height - label.get_height()) // 2))
        return lamp
