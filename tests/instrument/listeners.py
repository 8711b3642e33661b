"""What is at the other end of each output, for tests: it holds every note to account the moment it comes.

Each listener has `check(truth)`, which compares what it heard with what the player holds, and `end()`, after the close.
Time is a `Clock` that the test moves; nothing here has a thread or waits.
"""

import contextlib
import json
from dataclasses import dataclass, field
from types import SimpleNamespace
from unittest import mock

import mido
from pythonosc.osc_packet import OscPacket

from pianogenie import midi_ports
from pianogenie.events import NoteOff, NoteOn, Pedal, Press, Release
from pianogenie.midi_ports import Port
from pianogenie.outputs import midi_port
from pianogenie.outputs import piano as piano_module
from pianogenie.outputs.base import Output
from pianogenie.outputs.midi_port import MidiPortOutput
from pianogenie.outputs.osc import OscOutput
from pianogenie.outputs.piano import PianoOutput
from pianogenie.outputs.recorder import Recorder
from pianogenie.piano import touch
from pianogenie.port_watcher import PortWatcher
from pianogenie.profiles import Profile
from pianogenie.window.stage import Stage, StageOutput
from tests.instrument.test_limits import Piano

LOWEST = 21
NOTICED_S = 1.0
"""When a port that went has been noticed: the watcher looks twice a second."""


class Clock:
    """Seconds that pass when the test says so."""

    now = 0.0

    def __call__(self):
        return self.now


@dataclass
class Truth(Output):
    """What the Performer promises: heard as an output of its own, beside all others."""

    name = "truth"
    keys: set = field(default_factory=set)
    buttons: set = field(default_factory=set)
    done: list = field(default_factory=list)
    pedal: int = 0
    ons: int = 0
    time: float = 0.0

    def send(self, event):
        assert event.time >= self.time, "time turned back"
        self.time = event.time
        if isinstance(event, NoteOn):
            assert event.key not in self.keys, "struck while it sounds"
            assert 1 <= event.velocity <= 127
            self.keys.add(event.key)
            self.ons += 1
        elif isinstance(event, NoteOff):
            self.keys.remove(event.key)
        else:
            self.pedal = event.value

    def witness(self, event):
        self.done.append(event)
        if isinstance(event, Press):
            self.buttons.add(event.button)
        elif isinstance(event, Release):
            self.buttons.discard(event.button)

    def check(self, truth):
        pass

    def end(self):
        assert not self.keys and not self.buttons and self.pedal == 0


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
        with mock.patch.object(midi_port, "open_port", lambda wanted: (self._wire, Port(1, 0, "piano"))):
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


class Osc:
    """A program that hears OSC."""

    def __init__(self, _clock):
        self.output = OscOutput("127.0.0.1:9")
        self.output._socket.close()
        self.output._socket = self
        self.notes, self.pedal, self.closed = {}, 0, False

    def sendto(self, packet, _place):
        assert not self.closed
        (message,) = OscPacket(packet).messages
        address, values = message.message.address, message.message.params
        if address == "/pianogenie/pedal":
            (self.pedal,) = values
            return
        pitch, velocity, button = values
        if velocity:
            assert pitch not in self.notes, "struck while it sounds"
            self.notes[pitch] = button
        else:
            assert self.notes.pop(pitch) == button

    def close(self):
        self.closed = True

    def check(self, truth):
        assert set(self.notes) == {key + LOWEST for key in truth.keys} and self.pedal == truth.pedal

    def end(self):
        assert self.closed and not self.notes and self.pedal == 0


class Channel:
    """A channel of a mixer: what it plays, until when, and whether that fades."""

    def __init__(self, clock):
        self._clock = clock
        self.key, self.ends, self.fading = None, 0.0, False

    def get_busy(self):
        return self._clock.now < self.ends

    def get_volume(self):
        return 1.0

    def stop(self):
        self.ends = float("-inf")

    def play(self, sound):
        assert not self.get_busy(), "a sound was cut"
        self.key, self.ends, self.fading = sound.key, self._clock.now + Speaker.LENGTH_S, False

    def fadeout(self, ms):
        assert not self.fading or not self.get_busy(), "faded twice"
        self.fading, self.ends = True, min(self.ends, self._clock.now + ms / 1000)


class Speaker:
    """The built-in piano's mixer: SDL's, as far as the piano asks for it."""

    LENGTH_S = 5.0

    def __init__(self, clock):
        self._clock, self._open, self._channels = clock, True, []
        self._shelf = SimpleNamespace(
            start=lambda: None,
            stop=lambda: None,
            clear=lambda: None,
            trouble=None,
            take=lambda key, layer: (SimpleNamespace(key=key, set_volume=lambda volume: None), layer),
        )
        samples = SimpleNamespace(rate_hz=44_100, length_s=lambda key, layer: self.LENGTH_S)
        self._system = mock.patch.multiple(
            piano_module,
            pygame=SimpleNamespace(mixer=self, register_quit=lambda call: None, error=OSError),
            Samples=lambda: samples,
            Shelf=lambda samples, wrap: self._shelf,
            time=SimpleNamespace(perf_counter=clock, sleep=self._pass),
        )
        self._system.start()
        self.output = PianoOutput()

    def _pass(self, seconds):
        self._clock.now += seconds

    # pygame.mixer, as a module

    def init(self, *_settings, **_more):
        self._open = True

    def get_init(self):
        return self._open

    def set_num_channels(self, number):
        self._channels = [Channel(self._clock) for _ in range(number)]

    def Channel(self, slot):
        return self._channels[slot]

    def get_busy(self):
        return any(channel.get_busy() for channel in self._channels)

    def fadeout(self, ms):
        for channel in self._channels:
            channel.ends = min(channel.ends, self._clock.now + ms / 1000)

    def stop(self):
        for channel in self._channels:
            channel.stop()

    def quit(self):
        assert not self.get_busy(), "the mixer was taken from under a sound"
        self._open = False

    def check(self, truth):
        ringing = [c.key for c in self._channels if c.get_busy() and not c.fading]
        assert len(ringing) == len(set(ringing)), "a key rings twice"
        if truth.pedal < 64:
            damped = {key for key in ringing if key < touch.FIRST_UNDAMPED_KEY}
            assert damped <= truth.keys, "it sounds on though its key is up"

    def end(self):
        assert not self._open and not self.get_busy()

    def put_away(self):
        self._system.stop()


class Disk:
    """What the recorder writes: both files of it tell the same as was played."""

    def __init__(self, folder):
        self.output = Recorder(folder, 8)

    def check(self, truth):
        pass

    def end(self, truth):
        presses = [event for event in truth.done if isinstance(event, Press)]
        if not presses:
            assert not self.output.saved
            return
        performance, midi = self.output.saved
        done = json.loads(performance.read_text())["events"]
        assert [(e["button"], e["time"]) for e in done if e["type"] == "press"] == [(p.button, p.time) for p in presses]
        sounding, ons, pedal = set(), 0, 0
        for message in mido.MidiFile(midi):
            if message.type == "note_on":
                assert message.note not in sounding
                sounding.add(message.note)
                ons += 1
            elif message.type == "note_off":
                sounding.remove(message.note)
            elif message.type == "control_change":
                pedal = message.value
        assert ons == truth.ons and not sounding and pedal == 0


class Window:
    """The stage that the painter reads."""

    def __init__(self, clock):
        self._stage = Stage.local(8)
        self.output = StageOutput(self._stage, clock)

    def check(self, truth):
        scene = self._stage.read()
        assert {key for key, sounds in enumerate(scene.sounding) if sounds} == truth.keys
        assert {button for button, held in enumerate(scene.held) if held} == truth.buttons
        assert scene.pedal == truth.pedal

    def end(self):
        assert not any(self._stage.read().sounding) and not any(self._stage.read().held)


class Flaky(Output):
    """An output whose cable is pulled and that nobody watches: left out from then on, silent if it can be."""

    name = "flaky"

    def __init__(self):
        self.keys, self.pedal, self.refuses, self.closed = set(), 0, 0, False

    def send(self, event):
        if self.refuses:
            self.refuses -= 1
            raise OSError("unplugged")
        if isinstance(event, NoteOn):
            assert event.key not in self.keys
            self.keys.add(event.key)
        elif isinstance(event, NoteOff):
            self.keys.discard(event.key)
        elif isinstance(event, Pedal):
            self.pedal = event.value

    def close(self):
        self.closed = True
