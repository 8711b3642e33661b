"""Where everything lies: pure geometry from a size in pixels and a number of buttons.

Both processes use it: the painter to draw, the window to know what a finger hit. From top to bottom: the
stage that ribbons rise through, a strip of felt, the keyboard, the buttons, the status line.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from pianogenie.keys import NUM_KEYS, is_black

MIN_WIDTH, MIN_HEIGHT = 320, 240
"""Below this size in pixels the picture is laid out as if the window had it, and cut off."""

NUM_WHITE_KEYS = 52
_BLACK_WIDTH = 0.58
"""Of a white key's."""
_BLACK_HEIGHT = 0.63
_BLACK_SHIFT = {1: -0.10, 3: 0.10, 6: -0.13, 8: 0.0, 10: 0.13}
"""By pitch class: how far a black key sits off the seam of its white neighbours, in white keys."""
_RIBBON_WIDTH = 0.60


class Box(NamedTuple):
    """A rectangle in pixels, y downwards; pygame takes it wherever it takes a rectangle."""

    x: int
    y: int
    w: int
    h: int

    @property
    def right(self) -> int:
        return self.x + self.w

    @property
    def bottom(self) -> int:
        return self.y + self.h

    def contains(self, x: float, y: float) -> bool:
        """Whether a point lies inside; the right and lower edges do not belong to it."""
        return self.x <= x < self.x + self.w and self.y <= y < self.y + self.h

    def inside(self, other: Box) -> bool:
        """Whether no part of this box is outside the other."""
        return self.x >= other.x and self.y >= other.y and self.right <= other.right and self.bottom <= other.bottom

    def overlaps(self, other: Box) -> bool:
        """Whether the two share a pixel."""
        return self.x < other.right and other.x < self.right and self.y < other.bottom and other.y < self.bottom

    def grown(self, by: int, within: Box) -> Box:
        """This box with a margin of `by` pixels, cut off at the edges of another."""
        x, y = max(self.x - by, within.x), max(self.y - by, within.y)
        right, bottom = min(self.right + by, within.right), min(self.bottom + by, within.bottom)
        return Box(x, y, max(right - x, 0), max(bottom - y, 0))


class Hit(NamedTuple):
    """A button under a pointer, and how far down its height it was hit: 0 at the top, 1 at the bottom."""

    button: int
    depth: float


@dataclass(frozen=True)
class Layout:
    """The rectangles of one window size; make it with `lay_out`."""

    window: Box
    ribbons: Box
    felt: Box
    keyboard: Box
    keys: tuple[Box, ...]
    """All 88. White keys reach under the black ones."""
    buttons: tuple[Box, ...]
    status: Box
    ribbon_width: float

    def ribbon_centre(self, key: int) -> float:
        """The x that a key's (0..87) ribbons are centred on."""
        box = self.keys[key]
        return box.x + box.w / 2

    def button_at(self, x: float, y: float) -> Hit | None:
        """The button at a point. Half of each gap belongs to either neighbour, so that sliding is seamless."""
        first = self.buttons[0]
        if not (first.y <= y < first.bottom and first.x <= x < self.buttons[-1].right):
            return None
        button = 0
        for i in range(1, len(self.buttons)):
            if x >= (self.buttons[i - 1].right + self.buttons[i].x) / 2:
                button = i
        return Hit(button, (y - first.y) / max(first.h - 1, 1))


def lay_out(width: int, height: int, num_buttons: int) -> Layout:
    """Lay the instrument out in a window of so many pixels (anything from 320 x 240) with so many buttons."""
    width, height = max(width, MIN_WIDTH), max(height, MIN_HEIGHT)
    margin = max(4, round(min(width, height) * 0.02))
    status_height = max(16, round(0.034 * (width * height) ** 0.5))
    inner = width - 2 * margin
    white = inner / NUM_WHITE_KEYS
    keyboard_height = round(_clamp(6.5 * white, 0.12 * height, 0.27 * height))
    gap = max(2, round(min(margin * 0.8, 0.12 * inner / num_buttons)))
    button_width = (inner - gap * (num_buttons - 1)) / num_buttons
    button_height = round(_clamp(0.95 * button_width, 0.17 * height, 0.22 * height))
    felt_height = max(2, round(0.05 * keyboard_height))

    status = Box(margin, height - status_height - margin // 3, inner, status_height)
    buttons_y = status.y - margin // 3 - button_height
    keyboard_y = buttons_y - round(1.2 * margin) - keyboard_height
    keyboard = Box(margin, keyboard_y, inner, keyboard_height)
    felt = Box(margin, keyboard_y - felt_height, inner, felt_height)
    return Layout(
        window=Box(0, 0, width, height),
        ribbons=Box(0, 0, width, felt.y),
        felt=felt,
        keyboard=keyboard,
        keys=_keys(keyboard, white),
        buttons=_buttons(Box(margin, buttons_y, inner, button_height), num_buttons, gap),
        status=status,
        ribbon_width=max(3.0, _RIBBON_WIDTH * white),
    )


def _clamp(value: float, low: float, high: float) -> float:
    return max(low, min(high, value))


def _keys(keyboard: Box, white: float) -> tuple[Box, ...]:
    boxes = []
    whites = 0
    for key in range(NUM_KEYS):
        if is_black(key):
            # Pitch class of key 0 (A) is 9.
            centre = (whites + _BLACK_SHIFT[(key + 9) % 12]) * white
            width = max(2, round(_BLACK_WIDTH * white))
            x = round(keyboard.x + centre - width / 2)
            boxes.append(Box(x, keyboard.y, width, round(_BLACK_HEIGHT * keyboard.h)))
        else:
            left = round(keyboard.x + whites * white)
            right = round(keyboard.x + (whites + 1) * white)
            boxes.append(Box(left, keyboard.y, right - left, keyboard.h))
            whites += 1
    return tuple(boxes)


def _buttons(row: Box, num_buttons: int, gap: int) -> tuple[Box, ...]:
    pitch = (row.w + gap) / num_buttons
    edges = [round(row.x + i * pitch) for i in range(num_buttons)] + [row.right + gap]
    return tuple(Box(edges[i], row.y, edges[i + 1] - gap - edges[i], row.h) for i in range(num_buttons))
