"""Waits for the next event without a nap in between."""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import sys
import time
from collections.abc import Callable, Iterable, Iterator

import pygame

from pianogenie.inputs.hands import Hands


class EventWaiter:
    """Sleeps until SDL has an event, or for so many milliseconds; leaves the event for `pygame.event.poll`.

    `pygame.event.wait` looks at its queue once a millisecond, which by itself would make a note late by half a
    millisecond and wake the machine a thousand times a second. SDL can sleep on the window system's own queue; so
    this calls the SDL that pygame has loaded. Where that SDL cannot be found, naps of half a millisecond stand in.

    With a gamepad open SDL goes back to looking once a millisecond. On Linux a pad is a file that can be slept on
    as well, so there (see `watch`) this sleeps on all of them at once.

    Args:
        display_fileno: the file on which the window system's events arrive: 0 or above; -1 where there is no window,
            None where there is one and its file is not known (then nothing but SDL can sleep on it).
    """

    def __init__(self, display_fileno: int | None = None):
        self._sdl_wait = _sdl_wait()
        self._display = display_fileno
        self._epoll: select.epoll | None = None
        self._wait = self._sdl_wait

    def __call__(self, milliseconds: int) -> None:
        """Sleep."""
        self._wait(milliseconds)

    def watch(self, files: Iterable[int] | None) -> None:
        """Sleep on these files of devices from now on; None if there is a device without one, which SDL must poll."""
        self.close()
        if files is None or self._display is None:
            return
        files = list(files)
        if not files:
            # A window alone is best slept on by SDL; with none to sleep on it would nap, a millisecond each.
            self._wait = self._sdl_wait if self._display >= 0 else _sleep
        elif hasattr(select, "epoll"):
            with contextlib.suppress(OSError):  # a pad was pulled out just now; SDL will say so
                self._epoll = self._epoll_of(files)
                self._wait = self._wait_for_any

    def close(self) -> None:
        """Let go of the files; from here on it sleeps as SDL does."""
        self._wait = self._sdl_wait
        if self._epoll is not None:
            self._epoll.close()
            self._epoll = None

    def _epoll_of(self, files: list[int]) -> select.epoll:
        epoll = select.epoll()
        try:
            if self._display >= 0:
                epoll.register(self._display, select.EPOLLIN)
            for file in files:
                # Told once of new data, also if nobody takes it: a file that SDL does not read must not keep us awake.
                epoll.register(file, select.EPOLLIN | select.EPOLLET)
        except OSError:
            epoll.close()
            raise
        return epoll

    def _wait_for_any(self, milliseconds: int) -> None:
        # What Xlib or SDL have read already does not make a file readable.
        if not pygame.event.peek(pump=True):
            self._epoll.poll(milliseconds / 1000)


def arrived(hands: Hands) -> Iterator[pygame.event.Event]:
    """Every event that is there, and that comes while those are acted on; what hands do meanwhile they do together."""
    event = pygame.event.poll()
    if event.type == pygame.NOEVENT:
        return
    with hands.together():
        while event.type != pygame.NOEVENT:
            yield event
            event = pygame.event.poll()


def device_files(paths: Iterable[str | None]) -> list[int] | None:
    """The numbers under which this process (SDL, that is) has the devices at these paths open; None if one is not."""
    wanted = set(paths)
    if None in wanted:
        return None
    found = {}
    with contextlib.suppress(OSError):  # no /proc: no Linux
        for name in os.listdir("/proc/self/fd"):
            with contextlib.suppress(OSError):  # the listing's own
                path = os.readlink(f"/proc/self/fd/{name}")
                if path in wanted:
                    found[path] = int(name)
    return list(found.values()) if len(found) == len(wanted) else None


def sdl() -> ctypes.CDLL:
    """The SDL that pygame has loaded. Raises OSError where it cannot be found."""
    # The loader finds SDL's functions through a module that was linked with it; Windows knows it by its name.
    return ctypes.CDLL("SDL2.dll" if sys.platform == "win32" else pygame.event.__file__)


def _sdl_wait() -> Callable[[int], None]:
    try:
        wait = sdl().SDL_WaitEventTimeout
    except (OSError, AttributeError):
        return _nap
    wait.argtypes = [ctypes.c_void_p, ctypes.c_int]
    wait.restype = ctypes.c_int

    def sleep(milliseconds: int) -> None:
        wait(None, milliseconds)

    return sleep


def _sleep(milliseconds: int) -> None:
    time.sleep(milliseconds / 1000)


def _nap(milliseconds: int) -> None:
    until = time.perf_counter() + milliseconds / 1000
    while not pygame.event.peek(pump=True) and time.perf_counter() < until:
        time.sleep(0.5e-3)
