"""Notes out as Open Sound Control, over UDP: Max, Pd, a light desk."""

import contextlib
import socket
import struct

from pythonosc.osc_message_builder import OscMessageBuilder

from pianogenie.errors import UserError
from pianogenie.events import NoteOff, NoteOn, PianoEvent
from pianogenie.keys import LOWEST_PITCH, NUM_KEYS
from pianogenie.osc import parse_place
from pianogenie.outputs.base import Output


class OscOutput(Output):
    """Sends `/pianogenie/note pitch velocity button` (velocity 0: let go), `/pianogenie/pedal value` and
    `/pianogenie/panic` to one place.

    Nothing is ever waited for: what the network does not take at once is dropped and counted, but for what lets go,
    which is tried again before whatever comes next, and at the end. Raises UserError if `place` ("HOST:PORT") names
    none.
    """

    comes_first = True

    def __init__(self, place: str):
        family, self._place = parse_place(place)
        self.name = f"OSC {place}"
        self._dropped, self._error = 0, ""
        self._owed: dict[bytes, None] = {}  # packets that let go of something, in their order
        self._button_of = [0] * NUM_KEYS
        self._note, self._note_values = _head("/pianogenie/note", 3), struct.Struct(">iii")
        self._pedal, self._pedal_value = _head("/pianogenie/pedal", 1), struct.Struct(">i")
        self._panic = _head("/pianogenie/panic", 0)
        try:
            self._socket = socket.socket(family, socket.SOCK_DGRAM)
        except OSError as error:
            raise UserError(f"{place}: cannot be sent to ({error.strerror})") from error
        self._socket.setblocking(False)

    def send(self, event: PianoEvent) -> None:
        """One packet."""
        kind = type(event)
        if kind is NoteOn:
            button = self._button_of[event.key] = event.button + 1
            self._put(self._note + self._note_values.pack(event.key + LOWEST_PITCH, event.velocity, button))
        elif kind is NoteOff:
            button = self._button_of[event.key]
            self._put(self._note + self._note_values.pack(event.key + LOWEST_PITCH, 0, button), lets_go=True)
        else:
            self._put(self._pedal + self._pedal_value.pack(event.value), lets_go=not event.value)

    def panic(self, time: float) -> None:
        """Say so: of what sounds there, a packet that let it go may have been lost."""
        self._put(self._panic, lets_go=True)

    def close(self) -> None:
        """Close the socket; what was sent is on its way."""
        with contextlib.suppress(OSError):
            self._pay()
        self._socket.close()

    @property
    def trouble(self) -> str | None:
        """How many packets the network did not take."""
        return f"{self._dropped} packets were not sent ({self._error})" if self._dropped else None

    def _put(self, packet: bytes, lets_go: bool = False) -> None:
        try:
            if self._owed:
                self._pay()
            self._socket.sendto(packet, self._place)
        except OSError as error:
            self._dropped += 1
            self._error = error.strerror
            if lets_go:
                self._owed[packet] = None

    def _pay(self) -> None:
        """Send what is owed; OSError if the network still takes none."""
        for packet in list(self._owed):
            self._socket.sendto(packet, self._place)
            del self._owed[packet]
            self._dropped -= 1


def _head(address: str, numbers: int) -> bytes:
    """A message up to its numbers, built once: building one anew takes python-osc thirty times as long as the rest."""
    builder = OscMessageBuilder(address)
    for _ in range(numbers):
        builder.add_arg(0)
    packet = builder.build().dgram
    return packet[: len(packet) - 4 * numbers]
