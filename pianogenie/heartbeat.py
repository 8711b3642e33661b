"""Whether the threads by which a library hands things on are at work, where the library does not say.

libjack hands on what was written once a period, on a thread of its own, and only while its server goes round; a server
that stands still for a moment, or waits for another program, is not told from one that runs. But a thread that goes
round sleeps between two rounds, and Linux counts that. Elsewhere, and of a library without threads, nothing is seen.
"""

import time
from collections.abc import Callable, Collection
from pathlib import Path

_OURS = Path("/proc/self/task")
_COUNTED = "voluntary_ctxt_switches:"
_LOOKS_EVERY_S = 0.005


class Heartbeat:
    """Of the threads with these numbers in the system, as `urgency.its_threads_hurry` gives them."""

    def __init__(self, threads: Collection[int] = ()):
        self._threads = threads

    def wait(self, beats: int, seconds: float, unless: Callable[[], bool] = lambda: False) -> bool:
        """Wait until one of the threads has slept `beats` times more; whether that came within `seconds`.

        True at once where there is nothing to be seen. Waiting ends when `unless` is true, too.
        """
        began, by = self._sleeps(), time.monotonic() + seconds
        if not began:
            return True
        while not any(count >= began.get(thread, count) + beats for thread, count in self._sleeps().items()):
            if time.monotonic() >= by or unless():
                return False
            time.sleep(_LOOKS_EVERY_S)
        return True

    def _sleeps(self) -> dict[int, int]:
        """How often each of the threads that are still there has gone to sleep."""
        found = ((thread, _count(thread)) for thread in self._threads)
        return {thread: count for thread, count in found if count is not None}


def _count(thread: int) -> int | None:
    try:
        lines = (_OURS / str(thread) / "status").read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) for line in lines if line.startswith(_COUNTED)), None)
