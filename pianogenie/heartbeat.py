"""Whether the thread by which libjack hands things on is at work, which it does not say.

libjack hands on what was written once a period, on a thread of its own, and only while its server goes round; a server
that stands still for a moment, or waits for another program, is not told from one that runs. But a thread that goes
round sleeps between two rounds, and Linux counts that. Elsewhere nothing is seen.
"""

import time
from collections.abc import Callable, Collection
from pathlib import Path

_OURS = Path("/proc/self/task")
_COUNTED = "voluntary_ctxt_switches:"
_LOOKS_EVERY_S = 0.005
_PIPEWIRES = "data-loop"
"""What PipeWire, in JACK's place, calls the thread."""


class Heartbeat:
    """Of a client whose threads have these numbers in the system, as `urgency.its_threads_hurry` gives them.

    One of them goes round, the one that is started last; the others sleep and wake as other programs come and go.
    """

    def __init__(self, threads: Collection[int] = ()):
        named = [thread for thread in threads if _read(thread, "comm").startswith(_PIPEWIRES)]
        self._thread = max(named or threads, default=None)

    def wait(self, beats: int, seconds: float, unless: Callable[[], bool] = lambda: False) -> bool:
        """Wait until the thread has slept `beats` times more; whether that came within `seconds`.

        True at once where there is nothing to be seen. Waiting ends when `unless` is true, too.
        """
        began, by = self.count(), time.monotonic() + seconds
        if began is None:
            return True
        while (now := self.count()) is not None and now < began + beats:
            if time.monotonic() >= by or unless():
                return False
            time.sleep(_LOOKS_EVERY_S)
        return now is not None

    def count(self) -> int | None:
        """How often it has beaten so far; None where there is nothing to be seen."""
        lines = _read(self._thread, "status").splitlines() if self._thread is not None else []
        return next((int(line.split()[1]) for line in lines if line.startswith(_COUNTED)), None)


def _read(thread: int, name: str) -> str:
    try:
        return (_OURS / str(thread) / name).read_text()
    except OSError:
        return ""
