"""Has the threads between a finger and its note run the moment they wake, whatever else the machine does.

Where the system allows it (Linux, with a limit `rtprio` as JACK's own setup gives it, or as root), they run in real
time, in the lowest place: before every ordinary program, after JACK and what sound drivers need. Elsewhere Linux is
asked for short slices. Threads and processes that they start are ordinary ones, the painter in particular.

A thread in real time that did not sleep would take its core from everything else. What ours do between two sleeps is
bounded; should it not be, the system tells (RLIMIT_RTTIME), and all of them are ordinary threads from then on. Linux
also keeps a twentieth of each core for ordinary programs (sched(7)).
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform
import signal
import struct
import sys
import threading
from collections.abc import Iterator

_PRIORITY = 1
_TIRES_AFTER_US = 500_000
"""So long in one go, without a sleep, no thread of ours has anything to do."""

_SCHED_SETATTR = {"x86_64": 314, "aarch64": 274, "riscv64": 274}
"""Numbers of the system call, by machine."""
_RESET_ON_FORK = 1
_SLICE_NS = 100_000


def hurry(thread: int = 0) -> None:
    """Have a thread run as soon as it wakes, as far as that is allowed. By its number in the system; 0: the caller."""
    if sys.platform.startswith("linux"):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            policy = os.sched_getscheduler(thread) & ~os.SCHED_RESET_ON_FORK
            if policy == os.SCHED_OTHER and not _in_real_time(thread):
                _ask_for_short_slices(thread)


@contextlib.contextmanager
def its_threads_hurry() -> Iterator[set[int]]:
    """All threads that a library starts in this block `hurry`: SDL's for sound, libjack's for MIDI.

    Gives a set that holds their numbers in the system once the block is over.
    """
    before, started = _threads(), set()
    try:
        yield started
    finally:
        started |= _threads() - before
        for thread in started:
            hurry(thread)


def calm_down(thread: int = 0) -> None:
    """The contrary of `hurry`: an ordinary thread again."""
    if sys.platform.startswith("linux"):
        with contextlib.suppress(OSError):
            if os.sched_getscheduler(thread) & ~os.SCHED_RESET_ON_FORK == os.SCHED_RR:
                # The flag stays: taking it back would need a privilege.
                os.sched_setscheduler(thread, os.SCHED_OTHER | os.SCHED_RESET_ON_FORK, os.sched_param(0))


def _tire(*_signal: object) -> None:
    """A thread ran on and on: none is in real time any more, nor will be."""
    global _tired
    _tired = True
    for thread in _threads():
        calm_down(thread)


_tired = False


def _in_real_time(thread: int) -> bool:
    if not _watched():
        return False
    try:
        os.sched_setscheduler(thread, os.SCHED_RR | os.SCHED_RESET_ON_FORK, os.sched_param(_PRIORITY))
    except OSError:
        return False
    return True


def _watched() -> bool:
    """Whether the system will tell if a thread in real time runs on and on."""
    import resource

    if _tired:
        return False
    if signal.getsignal(signal.SIGXCPU) is _tire:
        return True
    if threading.current_thread() is not threading.main_thread():
        return False  # handlers are the main thread's to set
    try:
        _, most = resource.getrlimit(resource.RLIMIT_RTTIME)
        # At the hard limit the system kills.
        soft = _TIRES_AFTER_US if most == resource.RLIM_INFINITY else min(_TIRES_AFTER_US, most // 2)
        resource.setrlimit(resource.RLIMIT_RTTIME, (soft, most))
        signal.signal(signal.SIGXCPU, _tire)
    except (OSError, ValueError):
        return False
    return True


def _threads() -> set[int]:
    try:
        return {int(name) for name in os.listdir("/proc/self/task")}
    except OSError:  # no Linux
        return set()


def _ask_for_short_slices(thread: int) -> None:
    """Ask Linux to run a thread in slices of 0.1 ms, and so to let it in at once when it wakes.

    With every core busy a thread that wakes waits for the running one's slice to end, about 3 ms. Since 6.12 the
    scheduler lets one with shorter slices in before; no privilege is needed, and the thread's share of the machine
    stays what it was. Older kernels ignore it.

    Source: the kernel's Documentation/scheduler/sched-eevdf.rst and sched_setattr(2).
    """
    number = _SCHED_SETATTR.get(platform.machine())
    if number is None:
        return
    nice = os.getpriority(os.PRIO_PROCESS, thread)
    # struct sched_attr: size, policy, flags, nice, priority, runtime, deadline, period.
    attributes = struct.pack("=IIQiIQQQ", 48, os.SCHED_OTHER, _RESET_ON_FORK, nice, 0, _SLICE_NS, 0, 0)
    ctypes.CDLL(None).syscall(number, thread, attributes, 0)
