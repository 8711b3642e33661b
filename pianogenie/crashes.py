"""What a crash in somebody's C code does: it ends the program at once.

pygame's fault handlers would tidy up from within the crash, and may wait there for a display that has
gone, with the interpreter to themselves: a note would sound on and on, where a receiver of active sensing falls silent
as soon as the program is dead.
"""

import contextlib
import faulthandler
import signal

_FAULTS = [getattr(signal, name) for name in ("SIGSEGV", "SIGBUS", "SIGFPE", "SIGILL") if hasattr(signal, name)]


def leave_crashes_alone() -> None:
    """Take pygame's fault handlers out again; to be called when pygame has started a part of itself."""
    if faulthandler.is_enabled():  # somebody wants to see where
        return
    with contextlib.suppress(ValueError):  # not the main thread: only that one may
        for fault in _FAULTS:
            signal.signal(fault, signal.SIG_DFL)
