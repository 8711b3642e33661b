"""The performer: keeps the books between buttons, sounding keys and the pedal.

It is the one place that turns presses into notes, live and offline alike. What it promises, whatever comes:
every note-on has one note-off, a sounding key is never struck again without a note-off between, and after
`close` nothing sounds.
"""

import collections
import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence

from pianogenie.events import NoteOff, NoteOn, Pedal, PianoEvent, PlayerEvent, Press, Release
from pianogenie.genie import Genie
from pianogenie.keys import NUM_KEYS
from pianogenie.outputs.base import Output

_MOST_UNTOLD = 24
"""Events, some six notes: how far behind the outputs that come first the others may be."""


class Performer:
    """Plays what hands do through a genie on every output.

    Several threads may call `play`; each event is dealt with whole. An output that raises is left out from
    then on and named in `failures`: one broken cable does not stop the others.

    Args:
        genie: picks the keys.
        outputs: in the order in which they hear; but those that come first do so, wherever they stand.
    """

    def __init__(self, genie: Genie, outputs: Sequence[Output]):
        self._genie = genie
        self._all_outputs = tuple(outputs)
        # Those that still work.
        self._first = [o for o in outputs if o.comes_first]
        self._others = [o for o in outputs if not o.comes_first]
        self._witnesses = [o for o in outputs if type(o).witness is not Output.witness]
        self._untold: collections.deque[tuple[Callable, PianoEvent | PlayerEvent]] = collections.deque()
        self._gathering: set[int] = set()  # threads whose events come together
        self._key_of: dict[int, int] = {}  # a held button -> the key that it sounds
        self._holders = [0] * NUM_KEYS  # a key -> how many held buttons sound it
        self._pedal: int | None = None  # unknown until we have told the piano
        self._time = 0.0
        self._closed = False
        self._lock = threading.Lock()
        self.failures: list[tuple[Output, Exception]] = []

    def play(self, event: PlayerEvent) -> None:
        """One press, release or pedal. Silent after `close`. A button pressed while held plays anew."""
        with self._lock:
            if self._closed:
                return
            if event.time < self._time:  # its thread took the time first, but came second to the lock
                event = event._replace(time=self._time)
            self._time = event.time
            kind = type(event)
            if kind is Press:
                self._press(event)
            elif kind is Release:
                self._release(event.button, event.time)
            else:
                self._move_pedal(event.value, event.time)
            self._show(event)
            if threading.get_ident() not in self._gathering or len(self._untold) >= _MOST_UNTOLD:
                self._tell_the_others()

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """What this thread plays in this block has come in one piece, such as a chord: the outputs that come first get
        all of its notes before the others get one, so that the last does not wait for those.

        The others hear the same in the same order: at the end of the block, with the next event of another thread, or
        sooner if it is long.
        """
        thread = threading.get_ident()
        with self._lock:
            self._gathering.add(thread)
        try:
            yield
        finally:
            with self._lock:
                self._gathering.discard(thread)
                self._tell_the_others()

    def panic(self, time: float | None = None) -> None:
        """Let everything go and tell the outputs to silence whatever else may sound; play on from there.

        Buttons held now count as up, and the pedal too; their later releases do nothing. Not for a signal handler,
        which might interrupt the very thread that holds the lock.
        """
        with self._lock:
            if self._closed:
                return
            self._time = time = self._time if time is None else max(time, self._time)
            self._let_all_go(time)
            self._pedal = None  # whatever the piano believes, it is told
            self._move_pedal(0, time)
            self._tell_the_others()
            for output in (*self._first, *self._others):
                self._guard(output, output.panic, time)

    def close(self, time: float | None = None) -> None:
        """Let everything go at `time` (the last event's, if none is given), then close the outputs.

        Every sounding key gets its note-off and the pedal its zero before the first output closes.
        """
        with self._lock:
            if self._closed:
                return
            self._closed = True
            time = self._time if time is None else max(time, self._time)
            self._let_all_go(time)
            self._move_pedal(0, time)
            self._tell_the_others()
            for output in self._all_outputs:
                self._guard(output, output.close)

    def _let_all_go(self, time: float) -> None:
        """Every held button and the pedal, as if the player had; the pedal's own event is left to the caller."""
        for button in list(self._key_of):
            self._release(button, time)
            self._show(Release(button, time))
        if self._pedal:
            self._show(Pedal(0, time))

    def _press(self, press: Press) -> None:
        button, time, velocity = press
        if button in self._key_of:
            self._release(button, time)
        key, velocity = self._genie.press(button, time, velocity)
        if self._holders[key]:
            self._send(NoteOff(key, time))  # another button sounds it: the hammer strikes again
        self._holders[key] += 1
        self._key_of[button] = key
        self._send(NoteOn(key, velocity, button, time))

    def _release(self, button: int, time: float) -> None:
        key = self._key_of.pop(button, None)
        if key is None:
            return
        self._holders[key] -= 1
        if not self._holders[key]:
            self._send(NoteOff(key, time))

    def _move_pedal(self, value: int, time: float) -> None:
        if value != self._pedal:
            self._pedal = value
            self._send(Pedal(value, time))

    def _send(self, event: PianoEvent) -> None:
        for output in self._first:
            self._guard(output, output.send, event)
        self._untold.append((self._send_to_the_others, event))

    def _show(self, event: PlayerEvent) -> None:
        self._untold.append((self._show_to_witnesses, event))

    def _tell_the_others(self) -> None:
        while self._untold:
            tell, event = self._untold.popleft()
            tell(event)

    def _send_to_the_others(self, event: PianoEvent) -> None:
        for output in self._others:
            self._guard(output, output.send, event)

    def _show_to_witnesses(self, event: PlayerEvent) -> None:
        for output in self._witnesses:
            self._guard(output, output.witness, event)

    def _guard(self, output: Output, call, *args) -> None:
        try:
            call(*args)
        except Exception as error:
            self.failures.append((output, error))
            # New lists, since the old ones are being walked through.
            self._first = [o for o in self._first if o is not output]
            self._others = [o for o in self._others if o is not output]
            self._witnesses = [o for o in self._witnesses if o is not output]
            self._hush(output)

    def _hush(self, output: Output) -> None:
        """Tell an output that broke to fall silent: the trouble may have passed, and nothing is sent to it later."""
        # All keys: it may have stumbled over a note-off, or not have heard yet of notes that are over.
        for event in (*(NoteOff(key, self._time) for key in range(NUM_KEYS)), Pedal(0, self._time)):
            with contextlib.suppress(Exception):
                output.send(event)
