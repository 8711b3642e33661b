"""Gamepads where there is no window: a loop of their own, on the thread that calls it."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

import pygame

from pianogenie.crashes import leave_crashes_alone
from pianogenie.inputs.base import Input
from pianogenie.inputs.gamepads import EVENTS, Gamepads
from pianogenie.inputs.waiting import EventWaiter, arrived
from pianogenie.urgency import hurry

_LOOK_EVERY_MS = 50
"""How often to look for new pads and for the end; a press ends any wait at once."""


def run_gamepads(gamepads: Gamepads, should_stop: Callable[[], bool], rest: Callable[[], None] = lambda: None) -> None:
    """Let gamepads play until `should_stop`, asked some twenty times a second; `rest` is called as often.

    SDL gives joysticks' events only where it has a display. This starts its dummy, which is none: nothing is shown,
    no window gets or loses the focus. All pads are let go when it returns.
    """
    start_no_display()
    waiter = EventWaiter(display_fileno=-1)
    try:
        pygame.event.set_blocked(None)
        pygame.event.set_allowed(EVENTS)
        gamepads.start(waiter)
        while not should_stop():
            for event in arrived(gamepads.hands):
                gamepads.take(event)
            rest()
            waiter(_LOOK_EVERY_MS)
    finally:
        gamepads.close()
        waiter.close()
        pygame.display.quit()


class GamepadThread(Input):
    """`run_gamepads` on a thread of its own, beside a terminal that is typed in."""

    def __init__(self, gamepads: Gamepads):
        self._gamepads = gamepads
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="gamepads", daemon=True)
        self._thread.start()

    @property
    def name(self) -> str:
        """Of the pads that are there; else of what is waited for."""
        return ", ".join(self._gamepads.names) or "any gamepad"

    def close(self) -> None:
        """Let go of all pads."""
        self._closed.set()
        self._thread.join()

    def _run(self) -> None:
        hurry()
        try:
            run_gamepads(self._gamepads, self._closed.is_set)
        except pygame.error as error:
            self.trouble = str(error)


def start_no_display() -> None:
    """Start SDL's dummy display, without which it hands on no events."""
    # Only for us: whatever SDL_VIDEODRIVER says is meant for windows.
    before = os.environ.get("SDL_VIDEODRIVER")
    os.environ["SDL_VIDEODRIVER"] = "dummy"
    os.environ.setdefault("SDL_NO_SIGNAL_HANDLERS", "1")  # signals are the session's
    try:
        pygame.display.init()
    finally:
        leave_crashes_alone()
        if before is None:
            del os.environ["SDL_VIDEODRIVER"]
        else:
            os.environ["SDL_VIDEODRIVER"] = before
