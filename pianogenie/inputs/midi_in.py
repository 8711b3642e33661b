"""A MIDI controller as an input: notes are buttons, with their velocities; CC64 is the pedal."""

from __future__ import annotations

import ctypes
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from pianogenie.errors import UserError
from pianogenie.inputs.base import Input
from pianogenie.inputs.hands import Hands
from pianogenie.inputs.midi_layout import NO_BUTTON, NUM_CHANNELS, Table, tables
from pianogenie.midi_ports import Client, Port, PortWatcher, open_port

if TYPE_CHECKING:
    from pianogenie.settings import Midi

_NOTE_OFF, _NOTE_ON, _CONTROL_CHANGE = 0x80, 0x90, 0xB0
_SUSTAIN, _ALL_SOUND_OFF, _RESET, _ALL_NOTES_OFF, _LAST_MODE = 64, 120, 121, 123, 127
_SILENCE_S, _PATIENCE_S = 0.02, 0.5


class MidiInput(Input):
    """Plays from one port, on rtmidi's thread. All channels count; where it was taught, only the notes it was taught.

    All Sound Off is a panic; All Notes Off lets go of what its channel holds.

    Args:
        hands: what it moves.
        name: a part of the port's name.
        learnt: mappings that a person has taught, by ports' names.
    """

    def __init__(self, hands: Hands, name: str, learnt: Mapping[str, Midi]):
        self.name = name
        self._hands = hands
        self._learnt = learnt
        self._tables: list[Table] = tables(name, learnt, hands.num_buttons)
        self._client: Client | None = None
        self._lock = threading.Lock()  # around the client, never around what it hears
        self._closed = False
        self._listening = False
        self._heard = 0

    @classmethod
    def open(
        cls, hands: Hands, name: str, learnt: Mapping[str, Midi], watcher: PortWatcher, wait: bool = False
    ) -> MidiInput:
        """Open the input that `find_port` finds; `watcher` looks after it.

        `wait`: if it is not there it is waited for. Otherwise, or if several match, raises UserError.
        """
        device = cls(hands, name, learnt)
        try:
            client, port = open_port(name, inputs=True)
        except UserError:
            if not wait:
                raise
            device.missing = True
            watcher.wait_for(name, device.leave, device.come, inputs=True)
        else:
            device.use(client, port)
            watcher.watch(port, device.leave, device.come, inputs=True)
        return device

    def use(self, client: Client, port: Port) -> bool:
        """Listen to a port that is open. False, with the port closed again, if this input is closed already."""
        with self._lock:
            if not self._closed:
                self.name = port.name
                self._tables = tables(port.lasting_name, self._learnt, self._hands.num_buttons)
                self._client = client
                self._listening = True
                client.set_callback(self.take)
                self.missing = False
                return True
        client.delete()
        return False

    def come(self, port: Port) -> bool:
        """The port is there (again): called by the watcher."""
        try:
            client, port = open_port(port, inputs=True)
        except UserError:
            return False  # asked again at its next look
        return self.use(client, port)

    def leave(self) -> None:
        """The port is gone: what it held comes up. Called by the watcher."""
        self.missing = not self._closed
        self._let_go_of_client()

    def close(self) -> None:
        """Let go of what is held, and of the port."""
        with self._lock:
            self._closed = True
        self._let_go_of_client()

    def take(self, event: tuple[Sequence[int], float], _data: object = None) -> None:
        """Act on one message as rtmidi gives it: (bytes, seconds since the one before)."""
        self._heard += 1
        message = event[0]
        if len(message) != 3 or not self._listening:
            return
        status, data, value = message
        kind, channel = status & 0xF0, status & 0x0F
        if kind == _NOTE_ON and value:
            button = self._tables[channel][data]
            if button != NO_BUTTON:
                self._hands.down(((self, channel), data), button, value)
        elif kind in (_NOTE_ON, _NOTE_OFF):
            self._hands.up(((self, channel), data))
        elif kind == _CONTROL_CHANGE:
            self._control(channel, data, value)

    def _control(self, channel: int, number: int, value: int) -> None:
        if number == _SUSTAIN:
            self._hands.pedal((self, channel), value)
        elif number == _ALL_SOUND_OFF:
            self._hands.panic()
        elif number == _RESET:
            self._hands.pedal((self, channel), 0)
        elif _ALL_NOTES_OFF <= number <= _LAST_MODE:  # changes of mode are all notes off too
            self._hands.let_go((self, channel))

    def _let_go_of_client(self) -> None:
        with self._lock:
            self._listening = False
            client, self._client = self._client, None
        self._let_go()
        if client is not None:
            retire(client, lambda: self._heard)
            self._let_go()  # what its thread was in the middle of

    def _let_go(self) -> None:
        self._hands.let_go(self)
        for channel in range(NUM_CHANNELS):
            self._hands.let_go((self, channel))


def retire(client: Client, heard: Callable[[], int]) -> None:
    """Delete a client at a moment when it has nothing to say.

    python-rtmidi waits for its own thread when a port is closed, and keeps the interpreter to itself meanwhile; if
    that thread has a message for us just then, both wait for ever.

    Args:
        heard: how many messages its callback has had.
    """
    by = time.monotonic() + _PATIENCE_S
    while time.monotonic() < by:
        before = heard()
        time.sleep(_SILENCE_S)
        if heard() == before:
            client.delete()
            return
    # It never falls silent (a trembling pedal): the system shall close it, when we have ended.
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(client))
