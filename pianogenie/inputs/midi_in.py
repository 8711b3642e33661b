"""A MIDI controller as an input: notes are buttons, with their velocities; CC64 is the pedal."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from pianogenie.errors import UserError
from pianogenie.inputs.base import Input
from pianogenie.inputs.hands import Hands
from pianogenie.inputs.inbox import Inbox
from pianogenie.inputs.midi_layout import NO_BUTTON, NUM_CHANNELS, Table, tables
from pianogenie.link import Link
from pianogenie.midi_ports import Client, Port, open_port
from pianogenie.port_watcher import PortWatcher
from pianogenie.stderr import silent_stderr

if TYPE_CHECKING:
    from pianogenie.settings import Midi

_NOTE_OFF, _NOTE_ON, _CONTROL_CHANGE = 0x80, 0x90, 0xB0
_SUSTAIN, _ALL_SOUND_OFF, _RESET, _ALL_NOTES_OFF, _LAST_MODE = 64, 120, 121, 123, 127
_CLOCK, _ACTIVE_SENSING = [0xF8], [0xFE]
_SENSED_S = 0.5
"""After so much silence of one that has sent active sensing, which comes every 0.3 s at least, its cable is out."""
_PATIENCE_S = 0.1
_kept: list[object] = []


class MidiInput(Input):
    """Plays from one port, on a thread of its own. All channels count; where it was taught, only what it was taught.

    All Sound Off is a panic; All Notes Off lets go of what its channel holds. What held notes and sent active sensing
    lets go of them when that ends: its port may be an interface's, which is there still when the cable is out.

    Args:
        hands: what it moves.
        name: a part of the port's name.
        learnt: mappings that a person has taught, by ports' names.
    """

    why = ""
    """Of one that is waited for from the start: why it was not found, or not opened, in a line."""

    def __init__(self, hands: Hands, name: str, learnt: Mapping[str, Midi]):
        self.name = name
        self._hands = hands
        self._learnt = learnt
        self._tables: list[Table] = tables(name, learnt, hands.num_buttons)
        self._client: Client | None = None
        self._link = Link()
        self._lock = threading.Lock()  # around the client, never around what it hears
        self._closed = False
        self._listening = False
        self._senses, self._heard_at = False, 0.0  # whether it sends active sensing; when it was heard last
        self._inbox: Inbox | None = None  # while listening

    @classmethod
    def open(
        cls, hands: Hands, name: str, learnt: Mapping[str, Midi], watcher: PortWatcher, wait: bool = False
    ) -> MidiInput:
        """Open the input that `find_port` finds; `watcher` looks after it. It plays once it is told to `start`.

        `wait`: if it is not there it is waited for. Otherwise, or if several match, raises UserError.
        """
        device, wanted = cls(hands, name, learnt), name
        try:
            device._open(name)
            wanted = device.port
        except UserError as error:
            if not wait:
                raise
            device.missing, device.why = True, str(error)
        watcher.watch(wanted, device.leave, device.come, inputs=True, while_here=device.listen)
        return device

    def start(self) -> None:
        """Listen to the port, if it is there.

        Whatever else has to open clients is to do so before: python-rtmidi keeps the interpreter to itself meanwhile, a
        JACK server that waits for its clients would wait for ours to be done with a message, and that for the
        interpreter.
        """
        with self._lock:
            if self._client is not None and not self._listening:
                self._listening = True
                self._senses = False
                self._client.ignore_types(timing=False, active_sense=False)
                self._inbox = Inbox(self.take, self._hands.together, "MIDI in")
                self._client.set_callback(self._hear)

    def use(self, client: Client, port: Port) -> bool:
        """Take over a port that is open. False, with the port closed again, if this input is closed already."""
        with self._lock:
            if not self._closed:
                self._client, self.port, self.name = client, port, port.name
                self._tables = tables(port.lasting_name, self._learnt, self._hands.num_buttons)
                self.missing = False
                return True
        client.delete()
        return False

    def come(self, port: Port) -> bool:
        """The port is there (again): called by the watcher. UserError if it cannot be opened."""
        taken = self._open(port)
        self.start()
        return taken

    def _open(self, wanted: str | Port) -> bool:
        link = Link()
        with link.opened():
            client, port = open_port(wanted, inputs=True)
        self._link = link
        return self.use(client, port)

    def leave(self) -> None:
        """The port is gone: what it held comes up. Called by the watcher."""
        self.missing = not self._closed
        self._let_go_of_client()

    def listen(self) -> None:
        """The port is there; whether the controller is, too, where it would say so. Called by the watcher."""
        if self._senses and time.monotonic() - self._heard_at > _SENSED_S:
            self._senses = False  # until it is heard again
            self._let_go()

    def close(self) -> None:
        """Let go of what is held, and of the port."""
        with self._lock:
            self._closed = True
        self._let_go_of_client()

    def take(self, message: Sequence[int]) -> None:
        """Act on the bytes of one message."""
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

    def _hear(self, event: tuple[Sequence[int], float], _data: object = None) -> None:
        """A message as rtmidi gives it, on its own thread: (bytes, seconds since the one before)."""
        message, inbox = event[0], self._inbox
        self._heard_at = time.monotonic()
        if message == _ACTIVE_SENSING:
            self._senses = True
        elif inbox is not None and message != _CLOCK:  # which says no more than that the cable is in
            inbox.put(message)

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
            self._listening = self._senses = False
            client, self._client = self._client, None
            inbox, self._inbox = self._inbox, None
        self._let_go()
        if client is not None:
            retire(client, self._link)
        if inbox is not None:
            inbox.close()
            self._let_go()  # what its thread was in the middle of

    def _let_go(self) -> None:
        self._hands.let_go(self)
        for channel in range(NUM_CHANNELS):
            self._hands.let_go((self, channel))


def retire(client: Client, link: Link) -> None:
    """Delete a client whose callback may be running this very moment.

    python-rtmidi waits for its own thread when a port is closed, and keeps the interpreter to itself meanwhile; if that
    thread has a message for us just then, it waits for the interpreter, and both wait for ever. So the callback is
    cancelled first: from there on messages queue up without the interpreter, and the first that does shows that its
    thread is done with us. Without one, it has had time enough to be.
    """
    _kept.append(gc.get_referents(client))  # python-rtmidi would free the callback while its thread may yet call it
    client.cancel_callback()
    by = time.monotonic() + _PATIENCE_S
    while time.monotonic() < by:
        time.sleep(_PATIENCE_S / 20)
        if client.get_message() is not None:
            break
    with silent_stderr():  # rtmidi complains of each message for which its queue has no room
        link.end(client)
