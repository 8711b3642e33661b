"""What links a MIDI client to its server: whether that is there, and goes on, of which python-rtmidi says nothing.

Whatever is asked of a JACK server that stands still, python-rtmidi waits for the answer and keeps the interpreter to
itself meanwhile: nothing plays. So it is looked at first. Other backends have no server that could stand still.
"""

import contextlib
from collections.abc import Iterator

from pianogenie.heartbeat import Heartbeat
from pianogenie.lifelines import Lifelines
from pianogenie.midi_ports import ERRORS, Client, abandon
from pianogenie.urgency import its_threads_hurry

_PATIENCE_S = 0.5
"""JACK goes round in 46 ms at most, in all settings that people play with; and this machine may be busy."""


class Link:
    """Of the client that is opened in a block: `with link.opened()`."""

    def __init__(self) -> None:
        self.lifelines = Lifelines()
        self.heartbeat = Heartbeat()

    @contextlib.contextmanager
    def opened(self) -> Iterator[None]:
        """Take hold of what is opened within the block, whose threads `hurry` from then on."""
        with self.lifelines.opened(), its_threads_hurry() as threads:
            yield
        if self.lifelines:  # none but JACK speaks through sockets
            self.heartbeat = Heartbeat(threads)

    def is_cut(self) -> bool:
        """Whether the server has ended."""
        return self.lifelines.are_cut()

    def answers(self) -> bool:
        """Whether the server is there and goes on. Takes a moment; half a second if it does not."""
        return not self.is_cut() and self.heartbeat.wait(1, _PATIENCE_S, unless=self.is_cut)

    def end(self, client: Client) -> None:
        """Delete the client; or abandon it, where that would wait for a server, or be of one that is no more."""
        if self.answers():
            with contextlib.suppress(*ERRORS):  # it may have gone just now
                client.delete()
        else:
            abandon(client)
        self.lifelines.close()
