"""The painter: a process of its own that turns the stage into pictures, sixty a second while anything moves.

It has the interpreter, the core's spare time and the pixels to itself, so painting takes nothing from a note.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator

from pianogenie.quiet import give_back_memory, waste_no_memory
from pianogenie.window.frames import Frames
from pianogenie.window.layout import Box, lay_out
from pianogenie.window.picture import Picture
from pianogenie.window.stage import Stage
from pianogenie.window.x11_window import X11Window

FRAME_S = 1 / 60
_IDLE_S = 0.008
"""How often an idle painter looks at the stage: the longest that a light comes late, and next to no work."""
_NICE = 5
"""How much a painter steps back: with every core busy, the notes go first."""


def main() -> None:
    """The painter's process: paint what the stage, named on the command line, shows, until our parent is gone.

    The parent keeps the other end of our standard input, and never writes.
    """
    _stay_calm()
    parent_gone = threading.Event()

    def wait_for_the_end() -> None:
        with contextlib.suppress(OSError):
            os.read(sys.stdin.fileno(), 1)
        parent_gone.set()

    threading.Thread(target=wait_for_the_end, daemon=True).start()
    _paint_until(parent_gone, sys.argv[1])


def _paint_until(parent_gone: threading.Event, stage_name: str) -> None:
    try:
        stage = Stage.attach(stage_name)
    except FileNotFoundError:
        return
    painter = Painter(stage)
    tick = time.perf_counter()
    try:
        while not parent_gone.is_set():
            moving = painter.turn()
            now = time.perf_counter()
            tick = max(tick + FRAME_S, now) if moving else now + _IDLE_S
            time.sleep(max(tick - now, 0.0005))
    finally:
        painter.close()
        stage.close()


def _stay_calm() -> None:
    waste_no_memory()
    # Ctrl-C reaches the whole group; ending is the parent's decision, and the painter follows it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(os, "nice"):
        with contextlib.suppress(OSError):
            os.nice(_NICE)


class Painter:
    """Paints a stage: into its window, if that is an X server's, else into whatever frames the stage names."""

    def __init__(self, stage: Stage):
        self._stage = stage
        self._window: X11Window | None = None
        self._frames: Frames | None = None  # where there is no window
        self._generation = 0
        self._whole = Box(0, 0, 0, 0)
        self._seen_uncovered = 0
        self._picture: Picture | None = None
        self._owed: list[Box] = []
        self._seen_changes = -1

    def turn(self) -> bool:
        """Come round once: paint if anything changed or moves, publish if the window is ready for it.

        Returns whether the picture is moving, so that the next turn is due in a frame's time.
        """
        self._stage.heartbeat()
        if self._stage.frames[0] != self._generation and not self._change_frames():
            return False
        if self._picture is None:
            return False
        if self._stage.uncovered != self._seen_uncovered:
            self._seen_uncovered = self._stage.uncovered
            self._owed = [self._whole]
        changes = self._stage.changes
        if changes != self._seen_changes or self._picture.moving:
            self._seen_changes = changes
            now = time.perf_counter()
            self._owed += self._picture.paint(self._stage.read(), now)
        if self._owed:
            self._hand_over()
        if not self._picture.moving:
            # Nothing to do: a good time to get ready, so that the first notes find their colours mixed.
            self._picture.prepare()
        return self._picture.moving or bool(self._owed)

    def close(self) -> None:
        """Let go of the frames and the window."""
        self._close_frames()
        if self._window is not None:
            self._window.close()
            self._window = None

    def _hand_over(self) -> None:
        """Show what is owed, or give it to the window's process if that is ready for it."""
        if self._window is not None:
            with self._waiting():
                self._window.show(self._picture.canvas, _merged(self._owed))
            self._stage.count_shown()
        elif self._frames.free:
            self._frames.publish(self._picture.canvas, _merged(self._owed))
        else:
            return
        self._owed.clear()

    def _change_frames(self) -> bool:
        self._close_frames()
        generation, name, width, height = self._stage.frames
        if self._window is None:
            self._open_window()
        if self._window is None:
            try:
                self._frames = Frames.attach(name, width, height)
            except (FileNotFoundError, ValueError):
                # The window was resized again meanwhile; the next turn finds the newer ones.
                return False
        self._generation = generation
        self._picture = Picture(lay_out(width, height, self._stage.num_buttons))
        give_back_memory()  # what making it took
        self._whole = Box(0, 0, width, height)
        self._owed = [self._whole]
        self._seen_changes = -1
        return True

    def _open_window(self) -> None:
        if self._stage.x11_window:
            with self._waiting(), contextlib.suppress(OSError):
                self._window = X11Window(self._stage.x11_window)
        self._stage.painter_shows = self._window is not None

    @contextlib.contextmanager
    def _waiting(self) -> Iterator[None]:
        """For the X server: another program may have grabbed it for as long as it likes."""
        self._stage.painter_waits = True
        try:
            yield
        finally:
            self._stage.painter_waits = False

    def _close_frames(self) -> None:
        if self._frames is not None:
            self._frames.close()
            self._frames = None


def _merged(boxes: list[Box]) -> list[Box]:
    """The boxes without those that lie inside another."""
    kept: list[Box] = []
    for box in sorted(set(boxes), key=lambda b: -b.w * b.h):
        if box.w and box.h and not any(box.inside(other) for other in kept):
            kept.append(box)
    return kept
