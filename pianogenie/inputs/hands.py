"""Many devices, one player: merges keys, mouse, touch, pads and MIDI into presses and releases of buttons."""

import contextlib
import threading
from collections.abc import Callable, Hashable, Iterator

from pianogenie.events import Pedal, PlayerEvent, Press, Release


class Hands:
    """Knows which physical thing holds which button.

    A *source* is anything that goes down and comes up again: a computer key, a mouse button, one finger on a
    touch screen, a pad. Every source that goes down is a press, so two keys of one button play two notes; the
    button's release comes when its last source is up. What comes up without having gone down is ignored.
    The sources of a device that may go away are tuples whose first item is that device (see `let_go`).

    Several threads may call; each call is dealt with whole, so that books and events agree on the order. The
    lock is held for one event, as the Performer's is; nothing behind it may call back.

    Args:
        play: takes each event, in order; `Performer.play` when live.
        clock: seconds since the session's start, never decreasing.
        num_buttons: buttons outside 0..num_buttons-1 are ignored.
        panic: silences everything at a time; `Performer.panic` when live.
        together: a context for what comes in one piece, entered by whoever reads it; `Performer.together` when live.
    """

    def __init__(
        self,
        play: Callable[[PlayerEvent], None],
        clock: Callable[[], float],
        num_buttons: int,
        panic: Callable[[float], None] = lambda _time: None,
        together: Callable[[], contextlib.AbstractContextManager] = contextlib.nullcontext,
    ):
        self._play = play
        self._clock = clock
        self._panic = panic
        self.together = together
        self._num_buttons = num_buttons
        self._button_of: dict[Hashable, int] = {}
        self._pedals: dict[Hashable, int] = {}
        self._lock = threading.Lock()
        self._moved_at = clock()

    @property
    def num_buttons(self) -> int:
        """How many buttons there are."""
        return self._num_buttons

    def play(self, event: PlayerEvent) -> None:
        """An event of nobody's hand, such as a demo's, now."""
        with self._lock:
            self._play(event._replace(time=self._now()))

    def idle_s(self) -> float:
        """Seconds since anything moved: whoever has work that can wait does it when this is long."""
        return self._clock() - self._moved_at

    def down(self, source: Hashable, button: int, velocity: int | None = None) -> None:
        """A source presses a button (0-based), with a velocity 1..127 if it has one."""
        if not 0 <= button < self._num_buttons:
            return
        with self._lock:
            if source in self._button_of:
                self._up(source)
            self._button_of[source] = button
            self._play(Press(button, self._now(), velocity))

    def up(self, source: Hashable) -> None:
        """A source comes up again."""
        with self._lock:
            self._up(source)

    def pedal(self, source: Hashable, value: int) -> None:
        """A pedal source moves to `value` (0..127); the furthest down of all sources counts."""
        with self._lock:
            self._move(source, value)

    def let_go(self, device: Hashable) -> None:
        """All sources `(device, ...)` come up: it was pulled out, or its releases will not be seen."""
        with self._lock:
            self._let_go(lambda source: isinstance(source, tuple) and source[0] == device)

    def all_up(self) -> None:
        """Everything is let go: the session ends."""
        with self._lock:
            self._let_go(lambda _source: True)

    def panic(self) -> None:
        """Silence everything; what is held counts as up from now on. From any thread, not from a signal handler."""
        with self.stilled():
            pass

    @contextlib.contextmanager
    def stilled(self) -> Iterator[None]:
        """A panic, and nothing sounds until the context is left: what is pressed meanwhile is pressed then."""
        with self._lock:
            self._button_of.clear()
            self._pedals.clear()
            self._panic(self._clock())
            yield

    def _now(self) -> float:
        self._moved_at = now = self._clock()
        return now

    def _up(self, source: Hashable) -> None:
        button = self._button_of.pop(source, None)
        if button is not None and button not in self._button_of.values():
            self._play(Release(button, self._now()))

    def _move(self, source: Hashable, value: int) -> None:
        before = max(self._pedals.values(), default=0)
        if value:
            self._pedals[source] = value
        else:
            self._pedals.pop(source, None)
        now = max(self._pedals.values(), default=0)
        if now != before:
            self._play(Pedal(now, self._now()))

    def _let_go(self, belongs: Callable[[Hashable], bool]) -> None:
        for source in [s for s in self._button_of if belongs(s)]:
            self._up(source)
        for source in [s for s in self._pedals if belongs(s)]:
            self._move(source, 0)
