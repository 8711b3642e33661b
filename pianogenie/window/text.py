"""Letters: the one typeface, in the sizes of a layout, shortened where they do not fit."""

from __future__ import annotations

import pygame

from pianogenie.paths import assets_dir
from pianogenie.window.colours import RGB, bytes_of

_FILES = {"medium": "Inter-Medium.otf", "semibold": "Inter-SemiBold.otf"}
_SMALLEST_PX = 7


class Lettering:
    """Draws text; keeps the fonts it has opened. Needs no display."""

    def __init__(self) -> None:
        pygame.font.init()
        self._fonts: dict[tuple[str, int], pygame.font.Font] = {}

    def font(self, weight: str, size_px: float) -> pygame.font.Font:
        """A font of weight 'medium' or 'semibold'; pygame's own where ours is missing."""
        wanted = (weight, max(_SMALLEST_PX, round(size_px)))
        if wanted not in self._fonts:
            path = assets_dir() / "fonts" / _FILES[weight]
            self._fonts[wanted] = pygame.font.Font(str(path) if path.is_file() else None, wanted[1])
        return self._fonts[wanted]

    def draw(self, text: str, weight: str, size_px: float, colour: RGB, max_width: int | None = None) -> pygame.Surface:
        """The text on a transparent surface, at most `max_width` pixels wide."""
        font = self.font(weight, size_px)
        if max_width is not None:
            text = shortened(text, font, max_width)
        return font.render(text, True, bytes_of(colour))


def shortened(text: str, font: pygame.font.Font, max_width: int) -> str:
    """The text, or as much of it as fits into so many pixels with an ellipsis; '' where not even that fits."""
    text = "".join(c for c in text if c.isprintable())
    if font.size(text)[0] <= max_width:
        return text
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if font.size(text[:middle].rstrip() + "…")[0] <= max_width:
            low = middle
        else:
            high = middle - 1
    cut = text[:low].rstrip() + "…"
    return cut if font.size(cut)[0] <= max_width else ""
