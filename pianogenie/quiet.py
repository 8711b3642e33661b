"""Keeps the interpreter and the scheduler from holding a note back while somebody plays."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import platform
import struct
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
        ask_for_short_slices()
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
            give_back_memory()


def give_back_memory() -> None:
    """Give the system the memory that was freed and that the C library (glibc; others do without) keeps for later.

    A few MB once libraries are loaded and sounds are made. Takes a millisecond or so: not while somebody plays.
    """
    with contextlib.suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)


_SCHED_SETATTR = {"x86_64": 314, "aarch64": 274, "riscv64": 274}
"""Numbers of the system call, by machine."""
_RESET_ON_FORK = 1
_SLICE_NS = 100_000


def ask_for_short_slices() -> None:
    """Ask Linux to run the calling thread in slices of 0.1 ms, and so to let it in at once when it wakes.

    With every core busy a thread that wakes waits for the running one's slice to end, about 3 ms. Since 6.12 the
    scheduler lets one with shorter slices in before; no privilege is needed, and the thread's share of the machine
    stays what it was. Older kernels and other systems ignore it. Threads and processes started later are not
    affected.

    Source: the kernel's Documentation/scheduler/sched-eevdf.rst and sched_setattr(2).
    """
    number = _SCHED_SETATTR.get(platform.machine())
    if not sys.platform.startswith("linux") or number is None or os.sched_getscheduler(0) != os.SCHED_OTHER:
        return
    nice = os.getpriority(os.PRIO_PROCESS, 0)
    # struct sched_attr: size, policy, flags, nice, priority, runtime, deadline, period.
    attributes = struct.pack("=IIQiIQQQ", 48, os.SCHED_OTHER, _RESET_ON_FORK, nice, 0, _SLICE_NS, 0, 0)
    ctypes.CDLL(None).syscall(number, 0, attributes, 0)
