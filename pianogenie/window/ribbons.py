"""The ribbons: every note a band of light that rises from its key, as long as the note was held."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pygame

from pianogenie.keys import NUM_KEYS
from pianogenie.window.colours import Tint, mix
from pianogenie.window.layout import Box, Layout
from pianogenie.window.sprites import Plate
from pianogenie.window.stage import Scene

RISE_S = 3.6
"""From the key to the top of the window."""

_PHASES = 4
"""Positions within a pixel that a rounded end is drawn at, so that ribbons glide."""
_LEVELS = 5
"""Brightnesses by velocity."""
_FLASH_S = 0.22
_FADE_GLOW_S = 0.25
_MAX_A_KEY = 64


@dataclass(slots=True)
class Ribbon:
    """One note; times in seconds, `let_go` infinite while it sounds."""

    button: int
    velocity: int
    struck: float
    let_go: float


class Ribbons:
    """Keeps the notes of the last seconds and draws them.

    `follow` takes note of a scene; `draw` paints a moment. A note shorter than a frame is still drawn: the
    scene's counters tell of it.
    """

    def __init__(self, layout: Layout, tints: Sequence[Tint]):
        self._area = layout.ribbons
        self._layout = layout
        self._tints = tints
        self._speed = layout.ribbons.h / RISE_S
        self._half = layout.ribbon_width / 2
        self._halo = max(2, math.ceil(layout.ribbon_width * 0.75))
        self._cap_rows = math.ceil(self._half) + self._halo + 1
        self._width = 2 * (math.ceil(self._half) + self._halo)
        self._of_key: list[list[Ribbon]] = [[] for _ in range(NUM_KEYS)]
        self._strikes: list[int] | None = None
        self._drawn: list[Box] = []
        self._bands: dict[tuple[int, int], pygame.Surface] = {}
        self._glows: dict[tuple[int, int], pygame.Surface] = {}
        self._caps = [self._cap_mask(phase / _PHASES) for phase in range(_PHASES)]
        self._scratch = pygame.Surface((self._width, self._cap_rows), pygame.SRCALPHA, 32)

    @property
    def flowing(self) -> bool:
        """Whether anything is to be seen, or was a frame ago."""
        return bool(self._drawn) or any(self._of_key)

    def prepare(self) -> Iterator[None]:
        """Make the pictures of ribbons, one a step."""
        for button in range(len(self._tints)):
            for velocity in (127 * level // (_LEVELS - 1) for level in range(1, _LEVELS)):
                self._band(button, velocity)
                yield

    def follow(self, scene: Scene) -> None:
        """Begin and end ribbons by what changed since the last scene."""
        if self._strikes is None:
            # A painter that starts in mid-piece shows what sounds now, not what sounded before it was there.
            self._strikes = [n - s for n, s in zip(scene.strikes, scene.sounding, strict=True)]
        for key, strikes in enumerate(scene.strikes):
            mine = self._of_key[key]
            if strikes != self._strikes[key]:
                if mine:
                    mine[-1].let_go = min(mine[-1].let_go, scene.struck_at[key])
                mine.append(Ribbon(scene.striker[key], scene.velocity[key], scene.struck_at[key], math.inf))
                del mine[:-_MAX_A_KEY]
            if mine and mine[-1].let_go == math.inf and not scene.sounding[key]:
                mine[-1].let_go = max(scene.let_go_at[key], mine[-1].struck)
        self._strikes = scene.strikes

    def draw(self, canvas: pygame.Surface, rest: pygame.Surface, now: float) -> list[Box]:
        """Draw the moment `now` over the picture at rest. Returns the boxes that changed."""
        before = self._drawn
        for box in before:
            canvas.blit(rest, (box.x, box.y), box)
        lanes = []
        canvas.set_clip(self._area)
        for key, mine in enumerate(self._of_key):
            while mine and (now - mine[0].let_go) * self._speed > self._area.h + self._cap_rows:
                mine.pop(0)
            if mine:
                lanes.append(self._draw_lane(canvas, key, mine, now))
        for key, mine in enumerate(self._of_key):
            if mine:
                lanes += self._draw_glow(canvas, key, mine[-1], now)
        canvas.set_clip(None)
        self._drawn = _joined([box for box in lanes if box.w and box.h])
        return _joined(before + self._drawn)

    def _draw_lane(self, canvas: pygame.Surface, key: int, mine: list[Ribbon], now: float) -> Box:
        left = round(self._layout.ribbon_centre(key) - self._width / 2)
        floor = self._area.bottom
        gap = max(1.0, self._half * 0.4)
        highest, lowest = floor, 0
        for ribbon in mine:
            top = floor - (now - ribbon.struck) * self._speed
            sounding = ribbon.let_go > now
            bottom = floor + 2.0 * self._cap_rows if sounding else floor - (now - ribbon.let_go) * self._speed - gap
            bottom = max(bottom, top + 2 * self._half)
            self._draw_ribbon(canvas, ribbon, left, top, bottom)
            highest = min(highest, math.floor(top) - self._halo - 1)
            lowest = max(lowest, math.ceil(bottom) + self._halo + 1)
        highest, lowest = max(highest, self._area.y), min(lowest, floor)
        x, right = max(left, 0), min(left + self._width, self._area.right)
        return Box(x, highest, right - x, max(lowest - highest, 0))

    def _draw_ribbon(self, canvas: pygame.Surface, ribbon: Ribbon, left: int, top: float, bottom: float) -> None:
        """A capsule of light between two heights: the band's part between its ends, and the two ends."""
        band = self._band(ribbon.button, ribbon.velocity)
        # The middle of the upper rounding and of the lower one.
        upper, lower = top + self._half, bottom - self._half
        whole_upper, phase_up = _whole_and_phase(upper)
        whole_lower, phase_down = _whole_and_phase(lower)
        self._blit_cap(canvas, band, left, whole_upper - self._cap_rows, self._caps[phase_up].upper)
        if whole_lower > whole_upper:
            start, end = max(whole_upper, 0), min(whole_lower, band.get_height())
            if end > start:
                canvas.blit(band, (left, start), (0, start, self._width, end - start), pygame.BLEND_PREMULTIPLIED)
        self._blit_cap(canvas, band, left, whole_lower, self._caps[phase_down].lower)

    def _blit_cap(self, canvas: pygame.Surface, band: pygame.Surface, left: int, y: int, mask: pygame.Surface) -> None:
        if y >= self._area.bottom or y + self._cap_rows <= 0:
            return
        self._scratch.blit(mask, (0, 0))
        source_y = min(max(y, 0), band.get_height() - self._cap_rows)
        self._scratch.blit(band, (0, 0), (0, source_y, self._width, self._cap_rows), pygame.BLEND_RGBA_MULT)
        canvas.blit(self._scratch, (left, y), None, pygame.BLEND_PREMULTIPLIED)

    def _draw_glow(self, canvas: pygame.Surface, key: int, ribbon: Ribbon, now: float) -> list[Box]:
        since = now - ribbon.struck
        gone = max(now - ribbon.let_go, 0.0)
        strength = (0.55 + 0.45 * math.exp(-since / _FLASH_S)) * max(1 - gone / _FADE_GLOW_S, 0.0)
        level = round(strength * (0.4 + 0.6 * ribbon.velocity / 127) * 12)
        if level <= 0:
            return []
        glow = self._glow(ribbon.button, level)
        x = round(self._layout.ribbon_centre(key) - glow.get_width() / 2)
        y = self._area.bottom - glow.get_height()
        canvas.blit(glow, (x, y), None, pygame.BLEND_RGB_ADD)
        left, right = max(x, 0), min(x + glow.get_width(), self._area.right)
        return [Box(left, max(y, 0), right - left, glow.get_height())]

    # The pictures that all of this is made of.

    def _band(self, button: int, velocity: int) -> pygame.Surface:
        """A ribbon as high as the whole area: bright at the key, gone at the top."""
        level = round((velocity / 127) * (_LEVELS - 1))
        if (button, level) not in self._bands:
            tint, height = self._tints[button], self._area.h
            risen = 1 - (np.arange(height) + 0.5) / height
            fade = (1 - risen**2.2) * (0.45 + 0.55 * (1 - risen))
            light = fade * (0.48 + 0.52 * level / (_LEVELS - 1))
            near = np.exp(-risen * 5)[:, None]
            body = np.asarray(mix(tint.lit, tint.deep, 0.12)) * (1 - near) + np.asarray(tint.glow) * near
            core, halo = self._profile(self._from_middle())
            plate = Plate(self._width, height)
            strength = light[:, None] * core[None, :]
            shine = light[:, None] * halo[None, :]
            plate.colour = (strength[..., None] * body[:, None, :] + shine[..., None] * np.asarray(tint.lit)).astype(
                np.float32
            )
            # The halo is light only: it covers nothing.
            plate.alpha = (strength * 0.92).astype(np.float32)
            self._bands[button, level] = plate.premultiplied()
        return self._bands[button, level]

    def _glow(self, button: int, level: int) -> pygame.Surface:
        if (button, level) not in self._glows:
            reach = max(6, round(self._half * 5))
            across = (np.arange(2 * reach) + 0.5 - reach)[None, :] / reach
            up = (np.arange(round(reach * 1.3))[::-1, None] + 0.5) / reach
            far = np.sqrt(across**2 + (up / 1.25) ** 2)
            light = np.clip(1 - far, 0, 1) ** 2.4 * level / 12
            colour = np.asarray(mix(self._tints[button].lit, self._tints[button].glow, 0.3))
            pixels = np.zeros((*light.shape, 4), np.uint8)
            pixels[..., :3] = np.rint(255 * 0.85 * light[..., None] * colour[::-1])
            size = (light.shape[1], light.shape[0])
            glow = pygame.image.frombuffer(pixels.tobytes(), size, "BGRA")
            self._glows[button, level] = glow.copy()
        return self._glows[button, level]

    def _from_middle(self) -> np.ndarray:
        return np.abs(np.arange(self._width) + 0.5 - self._width / 2)

    def _profile(self, far: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The ribbon's body and its halo at so many pixels from its middle line."""
        outside = np.maximum(far - self._half, 0)
        core = np.clip(self._half - far + 0.5, 0, 1)
        bright_middle = 0.80 + 0.20 * np.exp(-((far / (0.6 * self._half)) ** 2))
        halo = 0.30 * np.clip(1 - outside / self._halo, 0, 1) ** 2.2 * (1 - core)
        return core * bright_middle, halo

    def _cap_mask(self, phase: float) -> _Cap:
        """What the band is multiplied with to end it in a half circle that begins `phase` below the last row."""
        rows, across = self._cap_rows, self._from_middle()
        body, halo = self._profile(across)
        straight = np.maximum(body + halo, 1e-3)
        masks = []
        for upwards in (True, False):
            at = np.arange(rows) + 0.5
            beyond = np.maximum(rows + phase - at, 0) if upwards else np.maximum(at - phase, 0)
            round_body, round_halo = self._profile(np.hypot(across[None, :], beyond[:, None]))
            masks.append(np.clip((round_body + round_halo) / straight[None, :], 0, 1))
        return _Cap(*(_mask_surface(mask) for mask in masks))


@dataclass(frozen=True, slots=True)
class _Cap:
    """Masks of a rounded end: the upper one ends `rows` below its top, the lower one begins at its top."""

    upper: pygame.Surface
    lower: pygame.Surface


def _mask_surface(mask: np.ndarray) -> pygame.Surface:
    pixels = np.rint(255 * mask).astype(np.uint8)[..., None].repeat(4, axis=-1)
    surface = pygame.image.frombuffer(pixels.tobytes(), mask.shape[::-1], "BGRA").copy()
    surface.set_alpha(None)
    return surface


def _whole_and_phase(y: float) -> tuple[int, int]:
    quarters = round(y * _PHASES)
    return quarters // _PHASES, quarters % _PHASES


def _joined(boxes: list[Box]) -> list[Box]:
    """Boxes side by side or overlapping across, made one; so that none is copied twice."""
    joined: list[Box] = []
    for box in sorted(boxes):
        if joined and box.x <= joined[-1].right:
            last = joined[-1]
            x, y = last.x, min(last.y, box.y)
            joined[-1] = Box(x, y, max(last.right, box.right) - x, max(last.bottom, box.bottom) - y)
        else:
            joined.append(box)
    return joined
