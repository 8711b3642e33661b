"""MIDI ports, through python-rtmidi: a hardware piano, a synthesizer, a DAW."""

import threading
import time
from collections.abc import Callable

from pianogenie.errors import UserError
from pianogenie.events import Pedal, PianoEvent
from pianogenie.midi_ports import CLIENT_NAME, ERRORS, Port
from pianogenie.outputs.base import Output
from pianogenie.outputs.books import Books
from pianogenie.outputs.limits import LimitedBooks
from pianogenie.outputs.midi_line import MidiLine
from pianogenie.port_watcher import PortWatcher, Watched
from pianogenie.profiles import Profile, profile_of_port
from pianogenie.urgency import its_threads_hurry

_ACTIVE_SENSING = (0xFE,)
SENSING_EVERY_S = 0.1
"""How often active sensing is sent. A receiver waits for 0.3 s: two may come late on a busy machine."""


def _late_s(line: MidiLine | None, profile: Profile) -> float:
    """How late a message may go out that way, where the instrument minds."""
    return line.late_s() if line is not None and profile.is_limited() else 0.0


def _nowhere(message: tuple[int, ...]) -> None:
    """Where a port writes before it is there for the first time; its books write nothing then."""


class MidiPortOutput(Output):
    """Sends notes and the sustain pedal to a port, as the profile of the instrument behind it wants them.

    Where the profile asks for it, a thread of the port's own sends what was put off, and active sensing. A port that is
    watched may go away and come back while the session lasts; it keeps its books meanwhile.

    Args:
        line: to the port, or None as long as that is waited for.
        name: what people are told that it is called.
        profile: of the instrument. None, with a line: nothing is known of it; without: the port's name will tell.
    """

    comes_first = True

    why = ""
    """Of one that is waited for from the start: why it was not found, or not opened, in a line."""

    def __init__(
        self,
        line: MidiLine | None,
        name: str,
        profile: Profile | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ):
        self.name = name
        self._line = line
        self._clock = clock
        self._write = line.write if line is not None else _nowhere
        self._failed: Exception | None = None
        self._watched: Watched | None = None
        self._unheard = False  # whether its last words may not have been heard
        self._closed = False
        # One lock around the books; nobody waits while holding it.
        self._lock = threading.Lock()
        self._wake = threading.Condition(self._lock)
        self._wakes_at = float("inf")  # when the thread looks again; without a thread, nobody need be woken
        self._sense_at = float("inf")  # from the first message on
        self._thread: threading.Thread | None = None
        self._its_name_tells = line is None and profile is None
        profile = profile or Profile()
        self._play_as(profile, _late_s(line, profile))
        self._was_there = line is not None
        if line is None:  # it is waited for
            self._stay_away()

    def _play_as(self, profile: Profile, late_s: float) -> None:
        """Begin the books of an instrument, and the thread that they need."""
        self._profile = profile
        self._books = LimitedBooks(profile, self._put, late_s) if profile.is_limited() else Books(profile, self._put)
        self._senses = profile.active_sensing
        if self._senses or profile.is_limited():
            self._wakes_at = 0.0
            self._thread = threading.Thread(target=self._keep_time, name=f"timing of {self.name}", daemon=True)
            with its_threads_hurry():
                self._thread.start()

    @classmethod
    def open(
        cls, name: str, profile: Profile | None = None, watcher: PortWatcher | None = None, wait: bool = False
    ) -> "MidiPortOutput":
        """Open the output that `find_port` finds, with the profile given or the one for a port of that name.

        A `watcher` looks after it from then on, and may `wait` for one that is not there; else that raises UserError.
        """
        try:
            line, port = MidiLine.open(name)
        except UserError as error:
            if not wait or watcher is None:
                raise
            output = cls(None, name, profile)
            output.why = str(error)
            output._be_watched(watcher, name)
            return output
        try:
            output = cls(line, port.name, profile or profile_of_port(port.name)[1])
        except UserError:
            line.close()
            raise
        if watcher is not None:
            output._be_watched(watcher, port)
        return output

    @classmethod
    def open_virtual(
        cls, name: str = CLIENT_NAME, profile: Profile | None = None, watcher: PortWatcher | None = None
    ) -> "MidiPortOutput":
        """Open a port of our own that other programs can read from. Raises UserError where none can be.

        A `watcher` opens it again when its server has ended and there is a new one.
        """
        line, port = MidiLine.open_virtual(name)
        output = cls(line, port.title, profile)
        if watcher is not None:
            output._be_watched(watcher, port)
        return output

    def _be_watched(self, watcher: PortWatcher, wanted: Port | str) -> None:
        self._watched = watcher.watch(wanted, self._leave, self._come_back, while_here=self._look_after)

    def send(self, event: PianoEvent) -> None:
        """Send the event's three bytes, or keep them until the profile allows them. Nothing after `close`."""
        with self._lock:
            if self._closed:
                return
            now = self._clock()
            self._books.send(event, now)
            if self._senses and self._sense_at > now + SENSING_EVERY_S:
                self._sense_at = now
            if self._books.soonest < self._wakes_at or self._sense_at < self._wakes_at:
                self._wake.notify()
            if self._failed is not None:
                self._give_up()

    def panic(self, time: float) -> None:
        """All notes off, all sound off, pedals up."""
        with self._lock:
            if self._closed:
                return
            self._books.panic(self._clock())
            if self._failed is not None:
                self._give_up()

    def close(self) -> None:
        """Let go of what still sounds, let the last bytes out, say so once more, then close the port.

        Active sensing ends after the last note-off, so that what listens for it has nothing left to silence.
        """
        with self._lock:
            if self._closed:
                return
            self._books.silence(self._clock())
            self._closed = True
            self._wake.notify()
            line, self._line = self._line, None
        if self._thread is not None:
            self._thread.join()
        if line is not None:
            self._unheard = not line.has_gone_out()
            self._books.last_words()
            self._unheard = self._unheard or not line.has_gone_out() or self._failed is not None
            line.close()

    @property
    def trouble(self) -> str | None:
        """That it was away when the session ended, or may as well have been."""
        if not self.missing and not self._unheard:
            return None
        if not self._was_there:
            return "it was never there; nothing was played on it"
        what = "was not there" if self.missing else "may have taken nothing"
        return f"it {what} when the session ended; what sounded last may sound still"

    def _put(self, message: tuple[int, ...]) -> None:
        try:
            self._write(message)
        except ERRORS as error:  # told once the books are straight
            self._failed = error

    def _give_up(self) -> None:
        """What was sent did not get out: the watcher sees to it; without one, the Performer leaves this output out."""
        error, self._failed = self._failed, None
        if self._watched is None:
            raise error
        self._stay_away()
        self._watched.broke()

    def _look_after(self) -> None:
        """The port is listed; whether what is sent there is taken. Called by the watcher."""
        line = self._line
        if self._watched.port.is_own:  # opened anew, it would have lost whoever is connected to it
            return
        if line is not None and line.is_stuck():
            with self._lock:
                if self._closed:
                    return
                self._stay_away()
            self._watched.broke()

    def _leave(self) -> None:
        """The port is gone: called by the watcher."""
        with self._lock:
            if self._closed:
                return
            self._stay_away()
            line, self._line = self._line, None
        if line is not None:
            line.close()

    def _stay_away(self) -> None:
        if not self.missing:
            self.missing = True
            self._books.leave(self._clock())

    def _come_back(self, port: Port) -> bool:
        """The port is there again: called by the watcher."""
        line, _ = MidiLine.open(port)
        profile = profile_of_port(port.name)[1] if self._its_name_tells else self._profile
        late_s = _late_s(line, profile)  # which takes a moment, so not while holding the lock
        with self._lock:
            if not self._closed:
                self.name = port.title
                if self._its_name_tells:
                    self._its_name_tells = False
                    self._become(profile)
                self._line, self._write, self._failed, self._was_there = line, line.write, None, True
                self._books.late_s = late_s
                self._books.come_back(self._put, self._clock())
                self.missing = self._failed is not None
                if not self.missing:
                    return True
                self._failed = None
                self._books.leave(self._clock())
                self._line = None
        line.close()
        return False

    def _become(self, profile: Profile) -> None:
        """What was waited for is there for the first time, and its name says what it is. Nothing was written so far; of
        what was played, the pedal counts on."""
        before, now = self._books, self._clock()
        self._play_as(profile, 0.0)
        self._books.leave(now)
        self._books.send(Pedal(before.pedal, now), now)

    def _keep_time(self) -> None:
        """The thread: does what the books have put off, and senses actively, until the port closes."""
        with self._lock:
            while not self._closed:
                books, now = self._books, self._clock()
                if now >= self._sense_at:
                    self._sense_at = now + SENSING_EVERY_S
                    if not self.missing:
                        self._put(_ACTIVE_SENSING)
                if now >= books.soonest:
                    books.run(now)
                if self._failed is not None and self._watched is not None:
                    self._give_up()
                self._wakes_at = min(books.soonest, self._sense_at)
                rest = self._wakes_at - self._clock()
                self._wake.wait(None if rest == float("inf") else max(rest, 0))
