"""Starts the painter, notices when it dies or hangs, and starts it once more."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
from collections.abc import Iterator

from pianogenie.window.stage import Stage

_LOOK_EVERY_S = 0.5
_HANGS_AFTER_S = 5.0
"""Without a heartbeat. Laying out a 4K picture on a busy machine stays below it."""
_STARTS_WITHIN_S = 60.0
"""Until the first heartbeat: on a machine without a core to spare, one that was killed would only begin anew."""
_ENDS_WITHIN_S = 2.0
"""Once it was killed; it is awaited so that no zombie is left."""
_PROGRAM = """
import json, sys
sys.path[:] = json.loads(sys.argv.pop(1))
from pianogenie.window.painter import main
main()
"""
"""With our own path: it is the painter beside this file, not what may lie in the folder that we were started in."""


class PainterProcess:
    """The painter of a shared stage, with one life in reserve.

    A painter that died or hangs is replaced once; after that the window keeps its last picture and the music
    goes on. Nothing here blocks the caller for longer than starting a process takes.
    """

    def __init__(self, stage: Stage):
        self._stage = stage
        self._lives = 2
        self._process: subprocess.Popen | None = None
        self._beat = -1
        self._beat_at = 0.0
        self._patience_s = _STARTS_WITHIN_S
        self._look_at = 0.0

    def start(self, now: float) -> None:
        """Start it; `now` in seconds of the clock that `watch` is given."""
        self._lives -= 1
        self._stage.painter_waits = False  # the one before may have ended while it did
        with _keyboard_interrupt_blocked():
            self._process = subprocess.Popen(
                [sys.executable, "-c", _PROGRAM, json.dumps(sys.path), self._stage.shared_name],
                stdin=subprocess.PIPE,  # which closes when we end, whatever ends us
            )
        self._beat, self._beat_at = self._stage.beat, now
        self._patience_s = _STARTS_WITHIN_S

    @property
    def pid(self) -> int | None:
        """The process id of the painter at work; None once it was given up."""
        return self._process.pid if self._process else None

    def watch(self, now: float) -> None:
        """Look after it, twice a second however often this is called."""
        if self._process is None or now < self._look_at:
            return
        self._look_at = now + _LOOK_EVERY_S
        beat = self._stage.beat
        if beat != self._beat:
            self._beat, self._beat_at = beat, now
            self._patience_s = _HANGS_AFTER_S
        alive = self._process.poll() is None
        if self._stage.painter_waits:  # for the display, which is not its fault
            self._beat_at = now
        if alive and now - self._beat_at < self._patience_s:
            return
        if alive:
            self._process.kill()
        self._let_go()
        if self._lives > 0:
            self.start(now)

    def stop(self) -> None:
        """End it and wait for its end."""
        if self._process is not None:
            self._process.kill()
            self._let_go()

    def _let_go(self) -> None:
        self._process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_ENDS_WITHIN_S)
        self._process = None


@contextlib.contextmanager
def _keyboard_interrupt_blocked() -> Iterator[None]:
    """A child started in here is born with Ctrl-C blocked: it cannot be hit before it asks to ignore it."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
