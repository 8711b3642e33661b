"""The picture of a measurement: a histogram for each distribution, on one scale of milliseconds."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")

import numpy as np
import pygame

from pianogenie.files import written_whole
from pianogenie.window.colours import AMBER, BACKDROP_TOP, QUIET_TEXT, TEXT, bytes_of, tints
from pianogenie.window.text import Lettering

_WIDTH, _ROW, _TOP, _BOTTOM, _SIDE = 1200, 190, 24, 64, 40
_TITLE = 44
_BINS_A_DECADE = 40
_MARKS = ((50, "p50"), (99, "p99"), (99.9, "p99.9"))


def draw(values: Mapping[str, Sequence[float]], path: Path) -> None:
    """Write a PNG: a row for each name with its milliseconds, both axes logarithmic. Raises UserError."""
    everything = [v for row in values.values() for v in row] or [0.1, 10.0]
    low = 10 ** math.floor(math.log10(max(min(everything), 1e-3)))
    high = 10 ** math.ceil(math.log10(max(*everything, 2 * low)))
    height = _TOP + _ROW * max(len(values), 1) + _BOTTOM
    picture = pygame.Surface((_WIDTH, height))
    picture.fill(bytes_of(BACKDROP_TOP))
    pen = _Pen(picture, Lettering(), low, high)
    for number, (name, row) in enumerate(values.items()):
        pen.row(_TOP + number * _ROW, name, row, bytes_of(tints(max(len(values), 2))[number].lit))
    pen.axis(height - _BOTTOM)
    with written_whole(path) as temporary:
        pygame.image.save(picture, str(temporary))


class _Pen:
    def __init__(self, picture: pygame.Surface, lettering: Lettering, low: float, high: float):
        self._picture, self._lettering = picture, lettering
        self._low, self._decades = low, math.log10(high / low)

    def row(self, top: int, name: str, values: Sequence[float], colour: tuple[int, int, int]) -> None:
        base, room = top + _ROW - 8, _ROW - _TITLE - 8
        bins = max(round(_BINS_A_DECADE * self._decades), 1)
        edges = np.geomspace(self._low, self._low * 10**self._decades, bins + 1)
        counts, _ = np.histogram(np.clip(values, edges[0], edges[-1]), edges)
        tallest = math.log10(1 + max(counts.max(), 1))
        for count, left, right in zip(counts, edges[:-1], edges[1:], strict=True):
            if count:
                x, tall = self._x(left), max(round(room * math.log10(1 + count) / tallest), 2)
                pygame.draw.rect(self._picture, colour, (x, base - tall, max(self._x(right) - x - 1, 1), tall))
        pygame.draw.line(self._picture, bytes_of(QUIET_TEXT), (_SIDE, base), (_WIDTH - _SIDE, base))
        said = [f"{name}: {len(values):,} presses"]
        for percent, label in _MARKS:
            value = float(np.percentile(values, percent))
            said.append(f"{label} {value:.2f} ms")
            x = self._x(value)
            pygame.draw.line(self._picture, bytes_of(AMBER), (x, top + _TITLE - 6), (x, base))
        said.append(f"most {max(values):.2f} ms")
        self._write("   ".join(said), (_SIDE, top + 4), 16, TEXT)

    def axis(self, y: int) -> None:
        for decade in range(round(self._decades) + 1):
            value = self._low * 10**decade
            for part in range(1, 10):
                x = self._x(value * part)
                if x <= _WIDTH - _SIDE:
                    length = 8 if part == 1 else 4
                    pygame.draw.line(self._picture, bytes_of(QUIET_TEXT), (x, y), (x, y + length))
            self._write(f"{value:g} ms", (self._x(value) - 14, y + 12), 14, QUIET_TEXT)
        self._write("Both axes are logarithmic: a single late press can be seen.", (_SIDE, y + 36), 14, QUIET_TEXT)

    def _x(self, value: float) -> int:
        part = math.log10(max(value, self._low) / self._low) / self._decades
        return round(_SIDE + part * (_WIDTH - 2 * _SIDE))

    def _write(self, text: str, at: tuple[int, int], size: int, colour: tuple[float, float, float]) -> None:
        self._picture.blit(self._lettering.draw(text, "medium", size, colour), at)
