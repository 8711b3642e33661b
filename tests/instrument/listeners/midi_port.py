"""A MIDI port whose cable can be pulled, with an instrument behind it that knows its profile."""

import contextlib
from types import SimpleNamespace
from unittest import mock

from pianogenie import midi_ports
from pianogenie.midi_ports import Port
from pianogenie.outputs import midi_line, midi_port
from pianogenie.outputs.midi_port import MidiPortOutput
from pianogenie.port_watcher import PortWatcher
from pianogenie.profiles import Profile
from tests.instrument.test_limits import Piano

from .truth import Clock

NOTICED_S = 1.0
"""When a port that went has been noticed, however busy the machine: the watcher looks ten times a second."""


class Nap(Exception):
    """The timing thread of a port would sleep now."""


class Wake:
    """Stands in for the condition on which a port's thread sleeps: the thread's loop is run by `MidiPort.until`."""

    def wait(self, seconds):
        raise Nap

    def notify(self):
        pass


class Thread:
    """A thread that is never started: its loop is run by hand."""

    def __init__(self, **_options):
        pass

    def start(self):
        pass

    def join(self):
        pass


class Wire:
    """A client of rtmidi with a cable that can be pulled: what is sent then is lost, with an error or without."""

    def __init__(self, port):
        self._port = port
        self.plugged, self.complains, self.open = True, False, True

    def send_message(self, message):
        assert self.open, "sent to a port that is closed"
        if self.plugged:
            self._port.hear(message)
            return
        if message[0] & 0xF0 == 0x90:
            self._port.lost.add(message[1])
        if self.complains:
            raise midi_ports.rtmidi.RtMidiError("unplugged")

    def close_port(self):
        self.open = False

    delete = close_port


class MidiPort:
    """A MIDI port with a profile, watched, and the instrument behind it, which refuses what the profile rules out."""

    def __init__(self, profile: Profile, clock: Clock):
        self.piano, self.lost = Piano(profile), set()
        self.profile, self._clock = profile, clock
        self._wire = Wire(self)
        self._sensed = clock.now
        self._listed = [Port(1, 0, "piano")]
        self._watcher = PortWatcher(every_s=0)
        self._watcher._list = lambda api, inputs: list(self._listed)
        threads = SimpleNamespace(Thread=Thread, Lock=midi_port.threading.Lock, Condition=lambda lock: Wake())
        with mock.patch.object(midi_port, "threading", threads), self._can_be_opened():
            self.output = MidiPortOutput.open("piano", profile, self._watcher)
        self.output._clock = clock
        self._pulled, self._pulled_at = False, 0.0

    @contextlib.contextmanager
    def _can_be_opened(self):
        with mock.patch.object(midi_line, "open_port", lambda wanted: (self._wire, Port(1, 0, "piano"))):
            yield

    @property
    def away(self):
        return self._pulled or self.output.missing

    def hear(self, message):
        self.piano.now = self._clock.now
        if tuple(message) == (0xFE,):
            assert self.profile.active_sensing
            self._sensed = self._clock.now
            return
        if message[0] & 0xF0 == 0x80 and message[1] not in self.piano.struck:
            # The books may not know that the note-on was lost on a cable that had been pulled.
            assert self.piano.unsure or message[1] in self.lost, "a note-off of a note that does not sound"
            self.lost.discard(message[1])
            return
        self.piano(message)

    def until(self, moment):
        """Let the port's own thread live to this moment."""
        if self._pulled and self._listed and self._pulled_at + NOTICED_S < moment:
            self.until(self._pulled_at + NOTICED_S)
            self.notice()
        output = self.output
        while not output._closed and (due := min(output._books.soonest, output._wakes_at)) <= moment:
            before = (due, len(self.piano.messages), self._sensed)
            self._clock.now = max(self._clock.now, due)
            with contextlib.suppress(Nap):
                output._keep_time()
            if self.profile.active_sensing and not self.away:
                assert self._clock.now - self._sensed < 0.25, "the instrument would have silenced itself"
            due = min(output._books.soonest, output._wakes_at)
            assert (due, len(self.piano.messages), self._sensed) != before, "it would be woken for ever"
        self._clock.now = moment

    def pull(self, complains):
        if not self._pulled:
            self._pulled_at = self._clock.now
        self._pulled, self._wire.plugged, self._wire.complains = True, False, complains

    def notice(self):
        """The watcher looks, while the cable is out."""
        if self._pulled:
            self._listed.clear()
            self._watcher.look()
            assert self.output.missing or self.output._closed
            assert not self._wire.open

    def plug(self):
        if not self._pulled:
            return
        self.notice()
        self._wire, self._listed, self._pulled = Wire(self), [Port(1, 0, "piano")], False
        self._sensed = self._clock.now
        sounding = set(self.piano.struck)
        self.piano.now = self._clock.now
        # A key that was pulled out while it sounded may have been held for longer than it should.
        self.piano.struck = {pitch: max(at, self._clock.now - 1) for pitch, at in self.piano.struck.items()}
        with self.unsure(), self._can_be_opened():
            self._watcher.look()
        assert set(self.piano.struck) <= sounding, "a key was struck late"

    @contextlib.contextmanager
    def unsure(self):
        """Notes may be cut short for a while, and let go of that are up already."""
        self.piano.cutting = self.piano.unsure = True
        yield
        self.piano.cutting = self.piano.unsure = False

    def panicked(self):
        if not self.away:
            assert not self.piano.struck, "it sounds after a panic"
            told = {message[1] for message in self.piano.messages[-8:] if message[0] & 0xF0 == 0xB0}
            assert set(self.profile.controllers) & {120, 123} <= told

    def check(self, truth):
        if self.away or self.output._closed:
            return
        held = {self.output._books._pitches[key] for key in truth.keys}
        self.piano.now = self._clock.now
        if not self.profile.is_limited():
            assert (
                held - self.lost <= set(self.piano.struck) | self.since_away(truth) and set(self.piano.struck) <= held
            )
        shortest = self.profile.shortest_note_ms / 1000
        for pitch in set(self.piano.struck) - held:
            assert self._clock.now - self.piano.struck[pitch] <= shortest, "it sounds on though its key is up"

    def since_away(self, truth):
        """What was struck while the port was away: it is not struck late."""
        return {self.output._books._pitches[key] for key in truth.keys} - set(self.output._books.sounding())

    def end(self):
        written = len(self.piano.messages)
        self.until(self._clock.now + 10)
        assert len(self.piano.messages) == written, "something was sent after the close"
        if self.output.missing:
            assert "sounds" in self.output.trouble or "sound still" in self.output.trouble
        elif not self._pulled:
            assert not self.piano.struck
            assert all(value == 0 for value in self.piano.pedals.values())
