"""Small antialiased pictures, made once a window size from exact distances rather than by supersampling.

A *mask* is a float array [height, width] in 0..1. A signed distance is in pixels, negative inside.
"""

from __future__ import annotations

import numpy as np
import pygame

from pianogenie.window.colours import RGB


def distance(
    width: int,
    height: int,
    box: tuple[float, float, float, float],
    radius: float | tuple[float, float] = 0.0,
) -> np.ndarray:
    """Signed distance [height, width] of each pixel's middle to a rounded rectangle.

    Args:
        box: x, y, width, height of the rectangle in the picture.
        radius: of the corners; a pair means the upper and the lower ones.
    """
    top, bottom = radius if isinstance(radius, tuple) else (radius, radius)
    x, y, w, h = box
    across = np.abs(np.arange(width) + 0.5 - (x + w / 2))[None, :] - w / 2
    down = np.arange(height)[:, None] + 0.5 - (y + h / 2)
    corner = np.minimum(np.where(down < 0, top, bottom), min(w, h) / 2)
    along = np.abs(down) - h / 2
    dx, dy = across + corner, along + corner
    outside = np.hypot(np.maximum(dx, 0), np.maximum(dy, 0))
    return outside + np.minimum(np.maximum(dx, dy), 0) - corner


def filled(signed_distance: np.ndarray) -> np.ndarray:
    """The mask of what lies inside, with edges one pixel soft."""
    return np.clip(0.5 - signed_distance, 0, 1)


def soft(signed_distance: np.ndarray, reach: float) -> np.ndarray:
    """The mask of a shadow or a glow: 1 inside, fading to 0 at `reach` pixels outside."""
    t = np.clip(1 - signed_distance / max(reach, 1e-6), 0, 1)
    return t * t * (3 - 2 * t)


def edge(signed_distance: np.ndarray, thickness: float) -> np.ndarray:
    """The mask of a rim of so many pixels just inside."""
    return filled(signed_distance) - filled(signed_distance + thickness)


def vertical(height: int, *stops: tuple[float, RGB]) -> np.ndarray:
    """A gradient [height, 1, 3] through colours at shares 0..1 of the height."""
    at = (np.arange(height) + 0.5) / height
    places = [place for place, _ in stops]
    channels = [np.interp(at, places, [colour[i] for _, colour in stops]) for i in range(3)]
    return np.stack(channels, axis=-1)[:, None, :]


class Plate:
    """A picture under construction: layers go over each other, in floats, then it becomes a surface.

    Attributes:
        colour: [height, width, 3], premultiplied by alpha.
        alpha: [height, width].
    """

    def __init__(self, width: int, height: int):
        self.colour = np.zeros((height, width, 3), np.float32)
        self.alpha = np.zeros((height, width), np.float32)

    def over(self, colour: RGB | np.ndarray, mask: np.ndarray, opacity: float = 1.0) -> Plate:
        """Lay a colour (or a picture that broadcasts to [height, width, 3]) over what is there."""
        cover = (mask * opacity).astype(np.float32)
        self.colour = self.colour * (1 - cover)[..., None] + np.asarray(colour, np.float32) * cover[..., None]
        self.alpha = self.alpha * (1 - cover) + cover
        return self

    def light(self, colour: RGB, mask: np.ndarray, strength: float = 1.0) -> Plate:
        """Add light where something is already."""
        add = (mask * self.alpha * strength).astype(np.float32)[..., None] * np.asarray(colour, np.float32)
        self.colour = self.colour + add
        return self

    def surface(self) -> pygame.Surface:
        """As a surface with plain alpha, for an ordinary blit."""
        alpha = np.maximum(self.alpha, 1e-6)[..., None]
        return to_surface(np.clip(self.colour / alpha, 0, 1), self.alpha)

    def premultiplied(self) -> pygame.Surface:
        """As a surface for a blit with BLEND_PREMULTIPLIED; colour above alpha adds light."""
        return to_surface(np.clip(self.colour, 0, 1), self.alpha)


def to_surface(colour: np.ndarray, alpha: np.ndarray) -> pygame.Surface:
    """A surface from [height, width, 3] and [height, width], both 0..1."""
    height, width = alpha.shape
    pixels = np.empty((height, width, 4), np.uint8)
    pixels[..., :3] = np.rint(255 * colour[..., ::-1])
    pixels[..., 3] = np.rint(255 * np.clip(alpha, 0, 1))
    # A copy, so that the surface owns its pixels.
    return pygame.image.frombuffer(pixels.tobytes(), (width, height), "BGRA").copy()


def opaque(width: int, height: int) -> pygame.Surface:
    """A surface without alpha in the frames' order of bytes, so that copying to them is a plain copy."""
    return pygame.Surface((width, height), 0, 32, (0xFF0000, 0xFF00, 0xFF, 0))
