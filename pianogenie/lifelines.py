"""Whether a server that a library has connected us to is still there, where the library does not say.

libjack goes on listing a dead server's ports, out of memory that they shared. But the sockets on which it spoke to the
server are hung up at once. Linux alone shows us which they are; elsewhere they count as whole.
"""

import contextlib
import os
import select
import stat
from collections.abc import Iterator
from pathlib import Path

_OURS = Path("/proc/self/fd")


class Lifelines:
    """The sockets that were opened during a block."""

    def __init__(self) -> None:
        self._copies: list[int] = []  # a copy keeps its number even when the library closes its own

    @contextlib.contextmanager
    def opened(self) -> Iterator[None]:
        """Take hold of every socket that is opened within the block."""
        before = _descriptors()
        yield  # if it raises, there is nothing to hold on to
        for number in _descriptors() - before:
            with contextlib.suppress(OSError):
                if stat.S_ISSOCK(os.fstat(number).st_mode):
                    self._copies.append(os.dup(number))

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self._copies)

    def are_cut(self) -> bool:
        """Whether the other end of one of them has hung up."""
        if not self._copies:
            return False
        poll = select.poll()
        for copy in self._copies:
            poll.register(copy, 0)
        return any(event & (select.POLLHUP | select.POLLERR) for _, event in poll.poll(0))

    def close(self) -> None:
        """Let go of them."""
        while self._copies:
            os.close(self._copies.pop())


def _descriptors() -> set[int]:
    try:
        return {int(name) for name in os.listdir(_OURS)}
    except OSError:
        return set()
