"""A live session: the way of a note put together, and taken apart again whatever ends it."""

import contextlib
import queue
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from pianogenie.announcing import Announcements, notice
from pianogenie.events import PlayerEvent
from pianogenie.genie import Genie
from pianogenie.inputs.base import Input
from pianogenie.inputs.hands import Hands
from pianogenie.outputs.base import Output
from pianogenie.outputs.recorder import Recorder
from pianogenie.performer import Performer
from pianogenie.thinking import Thinking

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGBREAK")
_SIGNALS = [getattr(signal, name) for name in _NAMES if hasattr(signal, name)]
_STOOD_STILL_S = 0.5
"""A demo that is so late did not run meanwhile."""
_PANIC = getattr(signal, "SIGUSR1", None)
_SUSPEND = getattr(signal, "SIGTSTP", None)
AnyInput = TypeVar("AnyInput", bound=Input)


_came: list[int] = []
"""Signals that came while `signals_raise` was in force."""


@contextlib.contextmanager
def signals_raise() -> Iterator[None]:
    """Signals end the block by SystemExit, so that what it opened or began to write is undone.

    For what comes before a session, and for writing files. SDL would take SIGTERM as an event that nobody reads.
    """

    def leave(number: int, _frame: object) -> None:
        _came.append(number)
        raise SystemExit(128 + number)

    # What is ignored (nohup) stays so.
    ours = (signal.SIG_DFL, signal.default_int_handler)
    handlers = {number: signal.signal(number, leave) for number in _SIGNALS if signal.getsignal(number) in ours}
    if _PANIC and signal.getsignal(_PANIC) is signal.SIG_DFL:  # it would end us, with nothing to silence yet
        handlers[_PANIC] = signal.signal(_PANIC, signal.SIG_IGN)
    try:
        yield
        _leave_if_asked()
    except Exception:
        _leave_if_asked()
        raise
    finally:
        _came.clear()
        for number, handler in handlers.items():
            signal.signal(number, handler)


def _leave_if_asked() -> None:
    """What is raised in the middle of an import may come out as something else, and in a callback be lost."""
    if _came:
        raise SystemExit(128 + _came[0]) from None


class Session:
    """Hands, performer, inputs and outputs around one clock; a context manager on the main thread.

    On leaving it, however that comes about, the inputs are closed, everything held is let go, every sounding key gets
    its note-off and the pedal its zero, and the outputs are closed (the recorder writes its files then).

    SIGUSR1 is a panic; SIGTSTP (Ctrl-Z) lets everything go before it suspends.

    Args:
        genie: picks the keys.
        outputs: in the order in which they hear each note.
        announcements: what is said of devices that come and go.

    Attributes:
        hands: what every input calls.
        while_suspended: gives a context that is entered before the process is suspended and left when it goes on: a
            terminal gives its keyboard back meanwhile.
    """

    def __init__(self, genie: Genie, outputs: Sequence[Output], announcements: Announcements | None = None):
        self.outputs = list(outputs)
        self.inputs: list[Input] = []
        self.announcements = announcements or Announcements()
        self._start = time.perf_counter()
        # Notes that leave the machine do so before the genie thinks of the next one, and the rest comes after that.
        self.performer = performer = Performer(genie, [Thinking(genie, self.clock), *self.outputs])
        self.hands = Hands(
            performer.play, self.clock, genie.model.num_buttons, performer.panic, together=performer.together
        )
        self.while_suspended: Callable[[], contextlib.AbstractContextManager] = contextlib.nullcontext
        self._stopped = False
        self._handlers: dict[int, object] = {}
        # What signals ask for is done on a thread: a handler may interrupt whoever holds a lock. Putting into a
        # SimpleQueue is one of the few things that are safe in one.
        self._asked: queue.SimpleQueue[int | None] = queue.SimpleQueue()
        self._caretaker = threading.Thread(target=self._do_what_is_asked, name="signals", daemon=True)

    def clock(self) -> float:
        """Seconds since the session's start, to the microsecond (what a recording keeps of them)."""
        return round(time.perf_counter() - self._start, 6)

    def add(self, device: AnyInput) -> AnyInput:
        """Close an input with the session, before anything else, and speak of it in `losses`. Gives it back."""
        self.inputs.append(device)
        return device

    def panic(self) -> None:
        """Silence everything and start from straight books. From any thread, not from a signal handler."""
        self.hands.panic()

    def should_stop(self) -> bool:
        """Whether a signal, or `stop`, asked for the end."""
        return self._stopped

    def stop(self, *_signal: object) -> None:
        """Ask for the end; safe from a signal handler and from any thread."""
        self._stopped = True

    def __enter__(self) -> "Session":
        # A signal only asks: the main thread then leaves by the one way out, with the notes let go. What was ignored
        # when we were started (SIGHUP under nohup, SIGINT in the background) stays so.
        taken = [number for number in _SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
        self._handlers = {number: signal.signal(number, self.stop) for number in taken}
        for number in (_PANIC, _SUSPEND):
            if number is not None:
                self._handlers[number] = signal.signal(number, lambda number, _frame: self._asked.put(number))
        self._stopped |= bool(_came)  # one that was lost (`_leave_if_asked`)
        self._caretaker.start()
        return self

    def __exit__(self, *_error: object) -> None:
        try:
            self.hands.all_up()  # whatever keeps an input from closing shall not keep notes on
            for device in self.inputs:
                with contextlib.suppress(Exception):  # one that cannot even be closed must not keep the notes on
                    device.close()
            self.hands.all_up()
            self.performer.close(self.clock())
        finally:
            for number, handler in self._handlers.items():
                signal.signal(number, handler)
            self._asked.put(None)
        for output, error in self.performer.failures:
            notice(f"{output.name}: {error}")
        for device in (*self.inputs, *self.outputs):
            if device.trouble:
                notice(f"{device.name}: {device.trouble}")
        for path in self.recordings():
            notice(f"recorded {path}")

    def losses(self) -> list[str]:
        """A few words about each output that broke and was left out, and each device that is away."""
        broken = [output.name for output, _ in self.performer.failures]
        missing = [device.name for device in (*self.inputs, *self.outputs) if device.missing]
        return [f"lost {name}" for name in dict.fromkeys(broken + missing)]

    def recordings(self) -> list[Path]:
        """The files that the recorder has written, once the session is over."""
        return [path for o in self.outputs if isinstance(o, Recorder) for path in o.saved]

    def _do_what_is_asked(self) -> None:
        while (number := self._asked.get()) is not None:
            if number != _SUSPEND:
                self.panic()
                continue
            # A press between the panic and the stop would sound for as long as we are suspended. So would one before
            # the terminal is ours again: who takes it in the background is stopped once more.
            with self.hands.stilled(), self.while_suspended():
                signal.pthread_kill(threading.get_ident(), signal.SIGSTOP)  # `os.kill` may return before we are stopped


def autoplay(session: Session, events: Sequence[PlayerEvent], ring_s: float = 1.5) -> None:
    """Play events (times in seconds from now) when their time comes, beside whatever the person plays.

    Runs on a thread of its own. Asks the session to stop `ring_s` after the last one, and returns early once
    the session was asked to stop.
    """
    began = session.clock()

    def sleep_until(moment: float) -> bool:
        nonlocal began
        while (rest := began + moment - session.clock()) > 0:
            time.sleep(min(rest, 0.05))
            if session.should_stop():
                return False
        if -rest > _STOOD_STILL_S:
            began -= rest  # we were suspended, or the machine was: on from here, in time
        return True

    try:
        for event in events:
            if not sleep_until(event.time):
                return
            session.hands.play(event)
        sleep_until((events[-1].time if events else 0.0) + ring_s)
    finally:
        session.stop()  # also when a note could not be played: nobody else would end a demo
