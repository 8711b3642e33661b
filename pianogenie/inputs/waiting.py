"""Waits for the next event without a nap in between."""

from __future__ import annotations

import ctypes
import sys
import time
from collections.abc import Callable

import pygame


def waiter() -> Callable[[int], None]:
    """A function that sleeps until an event is there, or for so many milliseconds.

    `pygame.event.wait` looks at its queue once a millisecond, which by itself would make a note late by half a
    millisecond and wake the machine a thousand times a second. SDL can sleep on the system's own queue; so this
    calls the SDL that pygame has loaded, which leaves the event for `pygame.event.poll`. Where that SDL cannot be
    found, naps of half a millisecond stand in.
    """
    try:
        wait = _sdl().SDL_WaitEventTimeout
    except (OSError, AttributeError):
        return _nap
    wait.argtypes = [ctypes.c_void_p, ctypes.c_int]
    wait.restype = ctypes.c_int

    def sleep(milliseconds: int) -> None:
        wait(None, milliseconds)

    return sleep


def _sdl() -> ctypes.CDLL:
    # The loader finds SDL's functions through a module that was linked with it; Windows knows it by its name.
    return ctypes.CDLL("SDL2.dll" if sys.platform == "win32" else pygame.event.__file__)


def _nap(milliseconds: int) -> None:
    until = time.perf_counter() + milliseconds / 1000
    while not pygame.event.peek(pump=True) and time.perf_counter() < until:
        time.sleep(0.5e-3)
