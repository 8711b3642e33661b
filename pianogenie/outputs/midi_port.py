"""MIDI ports, through python-rtmidi: a hardware piano, a synthesizer, a DAW."""

import contextlib
import sys
import time

import rtmidi

from pianogenie.errors import UserError
from pianogenie.events import NoteOff, NoteOn, PianoEvent
from pianogenie.keys import LOWEST_PITCH
from pianogenie.midi_ports import CLIENT_NAME, clients, open_port
from pianogenie.outputs.base import Output

_NOTE_ON, _NOTE_OFF, _CONTROL_CHANGE, _SUSTAIN = 0x90, 0x80, 0xB0, 64
_FLUSH_S = 0.05  # the backends hand bytes on in their own time, JACK once a period: 46 ms if it is 2048 frames


class MidiPortOutput(Output):
    """Sends notes and the sustain pedal on MIDI channel 1 of a port."""

    def __init__(self, client: rtmidi.MidiOut, name: str):
        self._client = client
        self._write = client.send_message
        self.name = name

    @classmethod
    def open(cls, name: str) -> "MidiPortOutput":
        """Open the output that `find_port` finds. Raises UserError."""
        client, port = open_port(name)
        return cls(client, port.name)

    @classmethod
    def open_virtual(cls, name: str = CLIENT_NAME) -> "MidiPortOutput":
        """Open a port of our own that other programs can read from. Raises UserError where none can be."""
        for _api, client in clients():
            with contextlib.suppress(rtmidi.RtMidiError, SystemError, NotImplementedError, TypeError):
                client.open_virtual_port(name)
                return cls(client, f"{name} (virtual)")
            client.delete()
        way_out = "install loopMIDI and use --midi-out" if sys.platform == "win32" else "is ALSA or JACK running?"
        raise UserError(f"{name}: no virtual MIDI port can be opened on this system; {way_out}")

    def send(self, event: PianoEvent) -> None:
        """Send the event's three bytes."""
        kind = type(event)
        if kind is NoteOn:
            self._write((_NOTE_ON, event.key + LOWEST_PITCH, event.velocity))
        elif kind is NoteOff:
            self._write((_NOTE_OFF, event.key + LOWEST_PITCH, 64))
        else:
            self._write((_CONTROL_CHANGE, _SUSTAIN, event.value))

    def close(self) -> None:
        """Let the last bytes out, then close the port."""
        time.sleep(_FLUSH_S)
        self._client.close_port()
        self._client.delete()
