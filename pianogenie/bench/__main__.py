"""`python -m pianogenie.bench FOLDER WATCH COMMAND...`: `pianogenie COMMAND...`, watched at its edge.

All of the instrument is as it always is. Only the outermost call, of the MIDI library, notes when a note-on was handed
over, in FOLDER/note_ons when the program ends. WATCH is letters, or - for none:

- f: the moment of the first note-on is told on standard output;
- c: lines on standard input are obeyed (`pianogenie.bench.player_side`);
- m: a MIDI port in memory, `PORT`, stands in for the system's own.
"""

from __future__ import annotations

import array
import json
import os
import sys
import time
from pathlib import Path

import rtmidi

PORT = "latency bench"

_NOTE_ON = 0x90


class NoteOns:
    """When each note-on was handed over (monotonic ns), and which MIDI note it was."""

    def __init__(self, tell_first: bool):
        self.times = array.array("q")
        self._notes = array.array("B")
        self._tell_first = tell_first

    def take(self, message: tuple[int, ...]) -> None:
        """A message has been handed over."""
        if message[0] & 0xF0 == _NOTE_ON and message[2]:
            self.times.append(time.monotonic_ns())
            self._notes.append(message[1])
            if self._tell_first:
                self._tell_first = False
                os.write(1, b"%d\n" % self.times[0])

    def save(self, path: Path) -> None:
        """Write them as JSON: a list of times and a list of notes."""
        path.write_text(json.dumps([self.times.tolist(), self._notes.tolist()]))


class MemoryPort:
    """A MIDI output that leads nowhere, as python-rtmidi has them; the same three bytes are handed to it."""

    def __init__(self, rtapi: int = 0, name: str = "", **_options: object):
        self._has_it = rtapi == rtmidi.get_compiled_api()[0]

    def get_ports(self) -> list[str]:
        """One port, of one backend."""
        return [PORT] if self._has_it else []

    def open_port(self, _port: int = 0, name: str = "") -> MemoryPort:
        """Nothing to open."""
        return self

    def send_message(self, message: tuple[int, ...]) -> None:
        """Take it as rtmidi does, as bytes."""
        bytes(message)

    def close_port(self) -> None:
        """Nothing to close."""

    def delete(self) -> None:
        """Nothing to let go of."""


def _noting(base: type, note_ons: NoteOns) -> type:
    class Noting(base):
        def send_message(self, message: tuple[int, ...]) -> None:
            super().send_message(message)
            note_ons.take(message)

    return Noting


def main() -> None:
    """Play."""
    folder, watch, *command = sys.argv[1:]
    note_ons = NoteOns("f" in watch)
    rtmidi.MidiOut = _noting(MemoryPort if "m" in watch else rtmidi.MidiOut, note_ons)
    if "c" in watch:
        from pianogenie.bench.player_side import PlayerSide

        PlayerSide(Path(folder), note_ons.times).start()
    sys.argv[1:] = command
    from pianogenie.cli import main as play

    try:
        play()
    finally:
        note_ons.save(Path(folder) / "note_ons")


if __name__ == "__main__":
    main()
