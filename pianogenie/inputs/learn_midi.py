"""Learning a MIDI controller's pads or keys: each is pressed once."""

from __future__ import annotations

import queue
from collections.abc import Callable

from pianogenie.inputs.asking import Cancelled, Person, question
from pianogenie.midi_ports import Port


def learn_midi(person: Person, num_buttons: int, heard: queue.SimpleQueue[tuple[Port, int]]) -> tuple[Port, list[int]]:
    """Ask for each button's note. The controller that is touched first is the one that is learnt.

    Args:
        heard: gets the port and the note of each note-on.

    Raises Cancelled.
    """
    person.say("Press each pad or key once. Esc or Ctrl-C ends it, and nothing is changed.")
    port: Port | None = None
    notes: list[int] = []
    while len(notes) < num_buttons:
        button = len(notes)
        person.say(question(button, num_buttons))
        note = _next_note(person, heard, port, notes, may_skip=button > 0)
        if note is None:
            break
        port = note[0]
        notes.append(note[1])
        person.say(f"  note {note[1]}" + (f" of {port.name}" if not button else ""))
    return port, notes


def _next_note(
    person: Person, heard: queue.SimpleQueue, port: Port | None, notes: list[int], may_skip: bool
) -> tuple[Port, int] | None:
    while True:
        answer = person.answer()
        if answer == "cancel":
            raise Cancelled
        if answer == "skip" and may_skip:
            return None
        while not heard.empty():
            here, note = heard.get()
            if port is not None and here != port:
                continue
            if note not in notes:
                return here, note
            person.say(f"  note {note} is button {notes.index(note) + 1} already; another one")


class NoteListener:
    """A callback for rtmidi that hands on each note-on."""

    def __init__(self, port: Port, heard: Callable[[tuple[Port, int]], None]):
        self._port = port
        self._heard = heard

    def __call__(self, event: tuple[list[int], float], _data: object = None) -> None:
        """Take a message."""
        message = event[0]
        if len(message) == 3 and message[0] & 0xF0 == 0x90 and message[2]:
            self._heard((self._port, message[1]))
