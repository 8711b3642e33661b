"""Those who are told once and for all: a program that hears OSC, the recorder's files, the window, and an output that
fails."""

import json

import mido
from pythonosc.osc_packet import OscPacket

from pianogenie.events import NoteOff, NoteOn, Pedal, Press
from pianogenie.outputs.base import Output
from pianogenie.outputs.osc import OscOutput
from pianogenie.outputs.recorder import Recorder
from pianogenie.window.stage import Stage, StageOutput

LOWEST = 21


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
        if address == "/pianogenie/panic":
            assert not self.notes and self.pedal == 0
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
