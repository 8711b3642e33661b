"""A gamepad made of nothing: SDL's virtual joystick, for tests and measurements without hardware.

What it does takes every step that a real pad's doings take inside SDL and pygame: plugging, mapping, events, pulling.
"""

from __future__ import annotations

import ctypes

import pygame

from pianogenie.inputs.waiting import sdl

PAD, JOYSTICK = 1, 0
"""Kinds: one that SDL knows the parts of, and one that it does not."""


class VirtualPad:
    """Plugged in when made. pygame's joysticks must have been started. Not for several threads at once.

    Args:
        kind: PAD has the parts of an Xbox pad: buttons a, b, x, y, back, guide, start, left and right stick, left and
            right shoulder, up, down, left, right as b0..b14, the sticks as axes 0..3 and the triggers as 4 and 5.
        axes, buttons, hats: how many it has.

    Raises OSError where this SDL has no virtual joysticks.
    """

    def __init__(self, kind: int = PAD, axes: int = 6, buttons: int = 15, hats: int = 1):
        self._sdl = sdl()
        self._sdl.SDL_JoystickOpen.restype = ctypes.c_void_p
        self._index = self._sdl.SDL_JoystickAttachVirtual(kind, axes, buttons, hats)
        if self._index < 0:
            raise OSError(f"no virtual joystick: {pygame.get_error()}")
        self._joystick = ctypes.c_void_p(self._sdl.SDL_JoystickOpen(self._index))
        self._which = self._sdl.SDL_JoystickInstanceID(self._joystick)

    def button(self, number: int, down: bool) -> None:
        """A button goes down or up."""
        self._sdl.SDL_JoystickSetVirtualButton(self._joystick, number, ctypes.c_uint8(down))

    def axis(self, number: int, value: float) -> None:
        """An axis goes to -1..1."""
        self._sdl.SDL_JoystickSetVirtualAxis(self._joystick, number, ctypes.c_int16(round(32767 * value)))

    def hat(self, number: int, ways: int) -> None:
        """A hat goes to a sum of 1 (up), 2 (right), 4 (down), 8 (left)."""
        self._sdl.SDL_JoystickSetVirtualHat(self._joystick, number, ctypes.c_uint8(ways))

    def deliver(self) -> None:
        """Make events of what was done and wake whoever waits for one, as a device's own thread does.

        Otherwise SDL notices when it next looks, within a millisecond.
        """
        self._sdl.SDL_JoystickUpdate()

    def pull(self) -> None:
        """Pull it out; it cannot be used afterwards."""
        for index in range(self._sdl.SDL_NumJoysticks()):  # others may have moved up
            if self._sdl.SDL_JoystickGetDeviceInstanceID(index) == self._which:
                self._sdl.SDL_JoystickDetachVirtual(index)
                break
        self._sdl.SDL_JoystickClose(self._joystick)
