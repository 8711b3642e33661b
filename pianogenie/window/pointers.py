"""Mouse and touch on the drawn buttons."""

from __future__ import annotations

from collections.abc import Hashable

import pygame

from pianogenie.inputs.hands import Hands
from pianogenie.window.layout import Hit, Layout

_SOFTEST, _LOUDEST = 40, 110
"""MIDI velocities of a touch at the top and at the bottom of a button."""
_LEFT = 1


class Pointers:
    """Lets the mouse and any number of fingers play the buttons of a layout.

    Sliding on to another button plays it, sliding off releases. How far down a button is hit sets the velocity.
    The mouse events that SDL makes up from touches are ignored: the finger itself has already played.
    """

    def __init__(self, hands: Hands, layout: Layout):
        self.layout = layout
        self._hands = hands
        self._over: dict[Hashable, int | None] = {}

    def take(self, event: pygame.event.Event) -> bool:
        """Act on a mouse or finger event; False if the event was none."""
        kind = event.type
        if kind in (pygame.MOUSEBUTTONDOWN, pygame.MOUSEBUTTONUP, pygame.MOUSEMOTION):
            if getattr(event, "touch", False):
                return True
            if kind == pygame.MOUSEMOTION:
                self._slide("mouse", *event.pos)
            elif event.button == _LEFT and kind == pygame.MOUSEBUTTONDOWN:
                self._down("mouse", *event.pos)
            elif event.button == _LEFT:
                self._up("mouse")
            return True
        if kind in (pygame.FINGERDOWN, pygame.FINGERUP, pygame.FINGERMOTION):
            finger = ("finger", event.touch_id, event.finger_id)
            # SDL gives a finger's place as a share of the window.
            x, y = event.x * self.layout.window.w, event.y * self.layout.window.h
            if kind == pygame.FINGERDOWN:
                self._down(finger, x, y)
            elif kind == pygame.FINGERMOTION:
                self._slide(finger, x, y)
            else:
                self._up(finger)
            return True
        return False

    def forget(self) -> None:
        """The pointers' releases will not be seen: they count as up."""
        for pointer in self._over:
            self._hands.up(pointer)
        self._over.clear()

    def _down(self, pointer: Hashable, x: float, y: float) -> None:
        self._over[pointer] = None
        self._slide(pointer, x, y)

    def _slide(self, pointer: Hashable, x: float, y: float) -> None:
        if pointer not in self._over:
            return
        hit = self.layout.button_at(x, y)
        button = hit.button if hit else None
        if button == self._over[pointer]:
            return
        if hit is None:
            self._hands.up(pointer)
        else:
            self._hands.down(pointer, hit.button, velocity_of(hit))
        self._over[pointer] = button

    def _up(self, pointer: Hashable) -> None:
        if self._over.pop(pointer, None) is not None:
            self._hands.up(pointer)


def velocity_of(hit: Hit) -> int:
    """The MIDI velocity (1..127) of a touch: softer at a button's top, louder at its bottom."""
    return round(_SOFTEST + (_LOUDEST - _SOFTEST) * hit.depth)
