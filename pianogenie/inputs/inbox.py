"""A thread that acts on what a library's own thread hears."""

from __future__ import annotations

import contextlib
import queue
import sys
import threading
from collections.abc import Callable
from typing import Any

from pianogenie.urgency import its_threads_hurry


class Inbox:
    """What comes in one by one is acted on in that order by a thread of its own; all that is there at once, together.

    So the notes of a chord that a port delivers one after the other leave before anything else is done about the first;
    and a library whose thread others wait for, as JACK's do, has it back at once.

    Args:
        act: what to do about each.
        together: a context around what is there at one go.
        name: of the thread.
    """

    def __init__(
        self, act: Callable[[Any], None], together: Callable[[], contextlib.AbstractContextManager], name: str
    ):
        self._act = act
        self._together = together
        self._came: queue.SimpleQueue[tuple | None] = queue.SimpleQueue()  # None is the end
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        with its_threads_hurry():
            self._thread.start()

    def put(self, item: Any) -> None:
        """From any thread; returns at once."""
        self._came.put((item,))

    def close(self) -> None:
        """Act on what is there yet, then no more. Not from `act`."""
        self._came.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (came := self._came.get()) is not None:
            with self._together():
                while came is not None:
                    self._take(*came)
                    try:
                        came = self._came.get_nowait()
                    except queue.Empty:
                        break
                else:
                    return

    def _take(self, item: Any) -> None:
        try:
            self._act(item)
        except Exception:
            sys.excepthook(*sys.exc_info())  # the next is another
