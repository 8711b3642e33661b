"""Keeps the interpreter itself from holding a note back while the window is open."""

from __future__ import annotations

import gc
import sys

_SWITCH_INTERVAL_S = 0.5e-3
_IDLE_BEFORE_COLLECT_S = 1.0
_COLLECT_EVERY_S = 5.0


class Quiet:
    """A context in which garbage is collected only while nobody plays, and threads hand over quickly.

    A full collection walks every object of every library loaded, tens of milliseconds; so what exists on entry
    is set aside (`gc.freeze`) and collecting is left to `rest`, which the loop calls when it has nothing to do.
    Another thread that computes keeps the interpreter for half a millisecond at a time instead of five.
    """

    def __init__(self) -> None:
        self._collected_at = 0.0

    def __enter__(self) -> Quiet:
        self._was_enabled = gc.isenabled()
        self._interval = sys.getswitchinterval()
        gc.collect()
        gc.freeze()
        gc.disable()
        sys.setswitchinterval(_SWITCH_INTERVAL_S)
        return self

    def __exit__(self, *_: object) -> None:
        sys.setswitchinterval(self._interval)
        gc.unfreeze()
        if self._was_enabled:
            gc.enable()

    def rest(self, now: float, last_event: float) -> None:
        """Collect, if the last event is long enough ago for another to be unlikely this very moment."""
        if now - last_event > _IDLE_BEFORE_COLLECT_S and now - self._collected_at > _COLLECT_EVERY_S:
            self._collected_at = now
            gc.collect()
