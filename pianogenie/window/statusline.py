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
        self.box = layout.status
        self._lettering = lettering
        self._text: str | None = None
        self._pedal = -1
        self._lamp = self._words = pygame.Surface((0, 0))

    def update(self, text: str, pedal: int) -> Box | None:
        """Take a text and the pedal (0..127). The box to draw again if either changed."""
        if (text, pedal) == (self._text, self._pedal):
            return None
        if pedal != self._pedal:
            self._pedal = pedal
            self._lamp = self._lamp_at(pedal / 127)
        self._text = text
        room = max(self.box.w - self._lamp.get_width() - self.box.h, 0)
        self._words = self._lettering.draw(text, "medium", self._size, mix(QUIET_TEXT, TEXT, 0.45), room)
        return self.box

    def draw(self, canvas: pygame.Surface) -> None:
        """Draw it over whatever is there."""
        box = self.box
        canvas.blit(self._lamp, (box.right - self._lamp.get_width(), box.y + (box.h - self._lamp.get_height()) // 2))
        canvas.blit(self._words, (box.x, box.y + (box.h - self._words.get_height()) // 2))

    @property
    def _size(self) -> float:
        return self.box.h * 0.47

    def _lamp_at(self, down: float) -> pygame.Surface:
        """A pill that fills with amber as the pedal goes down."""
        label = self._lettering.draw(_PEDAL_TEXT, "medium", self._size, mix(QUIET_TEXT, _DARK, down))
        height = round(self.box.h * 0.78)
        width = label.get_width() + round(height * 0.95)
        plate = Plate(width, height)
        shape = distance(width, height, (0.5, 0.5, width - 1, height - 1), height / 2)
        plate.over(_DARK, filled(shape), 0.8)
        plate.over(mix(_DARK, AMBER, 0.25 + 0.75 * down), filled(shape), down)
        plate.over(mix(QUIET_TEXT, AMBER, down), edge(shape, max(1.0, 0.05 * height)), 0.5)
        lamp = plate.surface()
        lamp.blit(label, ((width - label.get_width()) // 2, (height - label.get_height()) // 2))
        return lamp
