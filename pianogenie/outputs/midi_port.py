"""MIDI ports, through python-rtmidi: a hardware piano, a synthesizer, a DAW."""

import contextlib
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

import rtmidi

from pianogenie.errors import UserError
from pianogenie.events import NoteOff, NoteOn, PianoEvent
from pianogenie.keys import LOWEST_PITCH
from pianogenie.outputs.base import Output
from pianogenie.stderr import silent_stderr

CLIENT_NAME = "Pianogenie"
_NOTE_ON, _NOTE_OFF, _CONTROL_CHANGE, _SUSTAIN = 0x90, 0x80, 0xB0, 64
_FLUSH_S = 0.05  # the backends hand bytes on in their own time, JACK once a period: 46 ms if it is 2048 frames


@dataclass(frozen=True)
class Port:
    """A MIDI output that is there now. `api` is python-rtmidi's number of the backend that sees it."""

    api: int
    index: int
    name: str

    @property
    def api_name(self) -> str:
        """The backend's name for people: 'ALSA', 'JACK', 'CoreMIDI', 'Windows MM'."""
        return rtmidi.get_api_display_name(self.api)


def list_ports(inputs: bool = False) -> list[Port]:
    """The MIDI outputs (or inputs) that can be opened now, over every backend that answers."""
    ports = []
    for api, client in _clients(inputs):
        ports += [Port(api, index, name) for index, name in enumerate(client.get_ports())]
        client.delete()
    return ports


def find_port(name: str) -> Port:
    """The MIDI output with this name, or with this in its name (in any case).

    Raises UserError: none matches (the message lists what is there), or several do (it lists them).
    """
    ports = list_ports()
    exact = [p for p in ports if p.name == name]
    matches = exact or [p for p in ports if name.lower() in p.name.lower()]
    if len(matches) == 1:
        return matches[0]
    if matches:
        raise UserError(f"{name}: several MIDI outputs match, say more of the name: {_names(matches)}")
    raise UserError(f"{name}: no such MIDI output; there are: {_names(ports) or 'none'}")


class MidiPortOutput(Output):
    """Sends notes and the sustain pedal on MIDI channel 1 of a port."""

    def __init__(self, client: rtmidi.MidiOut, name: str):
        self._client = client
        self._write = client.send_message
        self.name = name

    @classmethod
    def open(cls, name: str) -> "MidiPortOutput":
        """Open the output that `find_port` finds. Raises UserError."""
        port = find_port(name)
        try:
            client = rtmidi.MidiOut(port.api, name=CLIENT_NAME)
            client.open_port(port.index, name="out")
        except (rtmidi.RtMidiError, SystemError, ValueError) as error:
            raise UserError(f"{port.name}: the MIDI output cannot be opened ({error})") from error
        return cls(client, port.name)

    @classmethod
    def open_virtual(cls, name: str = CLIENT_NAME) -> "MidiPortOutput":
        """Open a port of our own that other programs can read from. Raises UserError where none can be."""
        for _api, client in _clients():
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


def _names(ports: list[Port]) -> str:
    return ", ".join(f"“{p.name}” ({p.api_name})" for p in ports)


def _clients(inputs: bool = False) -> Iterator[tuple[int, rtmidi.MidiOut | rtmidi.MidiIn]]:
    """A client of each backend that was compiled in and answers here."""
    # libjack would otherwise start a server of its own when none runs.
    os.environ.setdefault("JACK_NO_START_SERVER", "1")
    kind = rtmidi.MidiIn if inputs else rtmidi.MidiOut
    for api in rtmidi.get_compiled_api():
        if api == rtmidi.API_RTMIDI_DUMMY:
            continue
        try:
            with silent_stderr():  # ALSA's and JACK's libraries complain there when they are not running
                client = kind(api, name=CLIENT_NAME)
        except (rtmidi.RtMidiError, SystemError):
            continue
        yield api, client
