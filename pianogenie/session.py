"""A live session: the way of a note put together, and taken apart again whatever ends it."""

import contextlib
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from pianogenie.events import PlayerEvent
from pianogenie.genie import Genie
from pianogenie.inputs.hands import Hands
from pianogenie.outputs.base import Output
from pianogenie.outputs.recorder import Recorder
from pianogenie.performer import Performer

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGBREAK")
_SIGNALS = [getattr(signal, name) for name in _NAMES if hasattr(signal, name)]


@contextlib.contextmanager
def signals_raise() -> Iterator[None]:
    """Signals end the block by an exception, as Ctrl-C does, so that what it opened or began to write is undone.

    For what comes before a session, and for writing files. SDL would take SIGTERM as an event that nobody reads.
    """

    def leave(number: int, _frame: object) -> None:
        raise SystemExit(128 + number)

    # What is ignored (nohup) stays so, and Ctrl-C raises by itself.
    untaken = [number for number in _SIGNALS if signal.getsignal(number) is signal.SIG_DFL]
    handlers = {number: signal.signal(number, leave) for number in untaken}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


class Session:
    """Hands, performer and outputs around one clock; a context manager on the main thread.

    On leaving it, however that comes about, everything held is let go, every sounding key gets its note-off
    and the pedal its zero, and the outputs are closed (the recorder writes its files then).

    Args:
        genie: picks the keys.
        outputs: in the order in which they hear each note.
    """

    def __init__(self, genie: Genie, outputs: Sequence[Output]):
        self.outputs = list(outputs)
        self.performer = Performer(genie, self.outputs)
        self._start = time.perf_counter()
        self.hands = Hands(self.performer.play, self.clock, genie.model.num_buttons)
        self._stopped = False
        self._handlers: dict[int, object] = {}

    def clock(self) -> float:
        """Seconds since the session's start, to the microsecond (what a recording keeps of them)."""
        return round(time.perf_counter() - self._start, 6)

    def should_stop(self) -> bool:
        """Whether a signal, or `stop`, asked for the end."""
        return self._stopped

    def stop(self, *_signal: object) -> None:
        """Ask for the end; safe from a signal handler and from any thread."""
        self._stopped = True

    def __enter__(self) -> "Session":
        # A signal only asks: the main thread then leaves by the one way out, with the notes let go.
        self._handlers = {number: signal.signal(number, self.stop) for number in _SIGNALS}
        return self

    def __exit__(self, *_error: object) -> None:
        try:
            self.hands.all_up()
            self.performer.close(self.clock())
        finally:
            for number, handler in self._handlers.items():
                signal.signal(number, handler)
        for output, error in self.performer.failures:
            notice(f"{output.name}: {error}")
        for output in self.outputs:
            if output.trouble:
                notice(f"{output.name}: {output.trouble}")
        for path in self.recordings():
            notice(f"recorded {path}")

    def losses(self) -> list[str]:
        """A few words about each output that broke and was left out."""
        return [f"lost {output.name}" for output, _ in self.performer.failures]

    def recordings(self) -> list[Path]:
        """The files that the recorder has written, once the session is over."""
        return [path for o in self.outputs if isinstance(o, Recorder) for path in o.saved]


def autoplay(session: Session, events: Sequence[PlayerEvent], ring_s: float = 1.5) -> None:
    """Play events (times in seconds from now) when their time comes, beside whatever the person plays.

    Runs on a thread of its own. Asks the session to stop `ring_s` after the last one, and returns early once
    the session was asked to stop.
    """
    began = session.clock()

    def sleep_until(moment: float) -> bool:
        while (rest := began + moment - session.clock()) > 0:
            time.sleep(min(rest, 0.05))
            if session.should_stop():
                return False
        return True

    try:
        for event in events:
            if not sleep_until(event.time):
                return
            session.performer.play(event._replace(time=session.clock()))
        sleep_until((events[-1].time if events else 0.0) + ring_s)
    finally:
        session.stop()  # also when a note could not be played: nobody else would end a demo


def notice(line: str) -> None:
    """One line for the person at the keyboard; a terminal that has gone away is no reason to stop."""
    try:
        print(f"pianogenie: {line}", file=sys.stderr, flush=True)
    except OSError:
        pass
