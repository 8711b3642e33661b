"""Brings finished pictures to the screen, a slice at a time, so that no event waits longer than one slice."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence

import pygame

from pianogenie.window.frames import Frames
from pianogenie.window.layout import Box

TARGET_SLICE_S = 0.3e-3
"""What one slice may take; the bound on what drawing can add to a note."""

_FIRST_BUDGET_PIXELS = 40_000
_MIN_BUDGET_PIXELS, _MAX_BUDGET_PIXELS = 4_000, 4_000_000
_RECTANGLES_A_SLICE = 16


class Cost:
    """What showing a slice costs: seconds a slice and seconds a pixel, by least squares over the last ones."""

    _REMEMBERED = 0.95
    _STICKS = 0.3
    _UNIT_PIXELS = 10_000

    def __init__(self) -> None:
        self.fixed_s = 0.1e-3
        self.a_pixel_s = 1e-9
        self._n = self._x = self._t = self._xx = self._xt = 0.0

    def learn(self, took_s: float, pixels: int) -> None:
        """Take one slice into account."""
        # The scheduler's doing must not count as the screen's.
        t = min(took_s, 4 * (self.fixed_s + self.a_pixel_s * pixels))
        x, keep = pixels / self._UNIT_PIXELS, self._REMEMBERED
        self._n = self._n * keep + 1
        self._x = self._x * keep + x
        self._t = self._t * keep + t
        self._xx = self._xx * keep + x * x
        self._xt = self._xt * keep + x * t
        # Slices of one size do not tell the two costs apart; then the fixed one stays what it was believed to be.
        n, t_sum = self._n + self._STICKS, self._t + self._STICKS * self.fixed_s
        determinant = n * self._xx - self._x**2
        self.fixed_s = max((t_sum * self._xx - self._x * self._xt) / determinant, 1e-6)
        self.a_pixel_s = max((n * self._xt - self._x * t_sum) / determinant / self._UNIT_PIXELS, 1e-11)


class Presenter:
    """Copies what changed from the shared picture to the window, and has the system show it.

    Args:
        screen: the window's surface.
        show: puts rectangles of the surface on the screen; `pygame.display.update`.

    The number of pixels a slice is learnt from how long slices take: a fixed cost a call and a cost a pixel.
    Where the fixed cost alone is above the target (some systems show the whole window whatever is asked), slices
    grow until pixels make up half of the time, as smaller ones would only make more of them.
    """

    def __init__(
        self,
        screen: pygame.Surface,
        show: Callable[[Sequence[Box]], None] = pygame.display.update,
        clock: Callable[[], float] = time.perf_counter,
    ):
        self.screen = screen
        self._show = show
        self._clock = clock
        self._frames: Frames | None = None
        self._slices: deque[list[Box]] = deque()
        self._owes_done = False
        self._budget = _FIRST_BUDGET_PIXELS
        self._cost = Cost()
        self.slices_shown = 0
        self._shown_before = 0
        self.frames_shown = 0

    @property
    def busy(self) -> bool:
        """Whether slices are left to show."""
        return bool(self._slices)

    def showed_something(self) -> bool:
        """Whether anything was shown since this was last asked."""
        shown, self._shown_before = self.slices_shown != self._shown_before, self.slices_shown
        return shown

    def use(self, frames: Frames | None) -> None:
        """Show these frames from now on; nothing of earlier ones."""
        self._frames = frames
        self._slices.clear()
        self._owes_done = False

    def refresh(self) -> None:
        """Show the whole picture again: the system lost what the window held."""
        if self._frames is not None and self._frames.ever_published:
            self._cut([self._frames.whole])

    def step(self) -> bool:
        """Show one slice, if there is one to show. Whether there was."""
        if not self._slices:
            if self._frames is None:
                return False
            changed = self._frames.take()
            if not changed:
                return False
            self._owes_done = True
            self._cut(changed)
        self._show_slice(self._slices.popleft())
        if not self._slices and self._owes_done:
            self._owes_done = False
            self.frames_shown += 1
            self._frames.done()
        return True

    def _show_slice(self, boxes: list[Box]) -> None:
        picture = self._frames.surface
        start = self._clock()
        for box in boxes:
            self.screen.blit(picture, (box[0], box[1]), box)
        self._show(boxes)
        self._learn(self._clock() - start, sum(box.w * box.h for box in boxes))
        self.slices_shown += 1

    def _learn(self, took_s: float, pixels: int) -> None:
        cost = self._cost
        cost.learn(took_s, pixels)
        room_s = max(TARGET_SLICE_S - cost.fixed_s, cost.fixed_s)
        self._budget = max(_MIN_BUDGET_PIXELS, min(int(room_s / cost.a_pixel_s), _MAX_BUDGET_PIXELS))

    def _cut(self, boxes: Sequence[Box]) -> None:
        """Queue boxes as slices of at most the budget, each whole rows of a box; small boxes share a slice."""
        here: list[Box] = []
        room = self._budget
        for box in boxes:
            y = box.y
            while y < box.bottom:
                rows = min(box.bottom - y, max(room // max(box.w, 1), 1))
                here.append(Box(box.x, y, box.w, rows))
                y += rows
                room -= rows * box.w
                if room < box.w or len(here) == _RECTANGLES_A_SLICE:
                    self._slices.append(here)
                    here, room = [], self._budget
        if here:
            self._slices.append(here)
