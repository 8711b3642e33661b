"""Keeps the interpreter and the scheduler from holding a note back while somebody plays."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import sys

from pianogenie.urgency import calm_down, hurry

_SWITCH_INTERVAL_S = 0.5e-3
_IDLE_BEFORE_COLLECT_S = 1.0
_COLLECT_EVERY_S = 5.0


class Quiet:
    """A context in which garbage is collected only while nobody plays, and threads hand over quickly.

    The calling thread is the one that plays: it hurries (`pianogenie.urgency`).

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
        hurry()
        return self

    def __exit__(self, *_: object) -> None:
        calm_down()
        sys.setswitchinterval(self._interval)
        gc.unfreeze()
        if self._was_enabled:
            gc.enable()

    def rest(self, now: float, last_event: float) -> None:
        """Collect, if the last event is long enough ago for another to be unlikely this very moment."""
        if now - last_event > _IDLE_BEFORE_COLLECT_S and now - self._collected_at > _COLLECT_EVERY_S:
            self._collected_at = now
            gc.collect()
            give_back_memory()


_M_MMAP_THRESHOLD, _M_ARENA_MAX = -3, -8
_LARGE = 256 << 10


def waste_no_memory() -> None:
    """Have the C library (glibc) take large pieces from the system one by one, and keep few stores of small ones.

    Otherwise pieces that were large for a moment leave holes behind: a few MB, for sounds, sprites and each thread.
    """
    with contextlib.suppress(OSError, AttributeError, TypeError):
        libc = ctypes.CDLL(None)
        libc.mallopt(_M_MMAP_THRESHOLD, _LARGE)
        libc.mallopt(_M_ARENA_MAX, 2)


def give_back_memory() -> None:
    """Give the system the memory that was freed and that the C library (glibc; others do without) keeps for later.

    A few MB once libraries are loaded and sounds are made. Takes a millisecond or so: not while somebody plays.
    """
    with contextlib.suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)
