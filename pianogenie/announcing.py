"""What happens to devices while somebody plays, said in one line: to a terminal at once, and in the status line."""

import sys
import time
from collections.abc import Callable

_SHOWN_S = 6.0
Announce = Callable[[str], None]


class Announcements:
    """Takes lines from any thread and knows for some seconds what was said last.

    `tell` prints them; whoever draws on the terminal puts its own way there.
    """

    def __init__(self) -> None:
        self._last: tuple[str, float] = ("", float("-inf"))
        self.tell: Announce = notice

    def say(self, line: str) -> None:
        """Announce something: 'lost Disklavier', 'Disklavier is back'."""
        self._last = (line, time.monotonic())
        self.tell(line)

    def latest(self) -> str | None:
        """What was said in the last few seconds, or None."""
        line, at = self._last
        return line if time.monotonic() - at < _SHOWN_S else None


def notice(line: str) -> None:
    """One line for the person at the keyboard; a terminal that has gone away is no reason to stop."""
    try:
        print(f"pianogenie: {line}", file=sys.stderr, flush=True)
    except OSError:
        pass
