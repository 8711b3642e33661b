"""The recorder: what the player did and what sounded, as two files beside each other."""

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from pianogenie.errors import UserError
from pianogenie.events import PianoEvent, PlayerEvent, Press
from pianogenie.outputs.base import Output
from pianogenie.performance import Performance, save_performance
from pianogenie.smf import write_midi


class Recorder(Output):
    """Keeps a session in memory and writes `<time>.json` and `<time>.mid` when it closes.

    Nothing is written for a session without a press. While playing it only appends to two lists.

    Args:
        folder: where to; made if need be.
        num_buttons: of the session's model.
        notes: lines about the session (model, seed, temperature), kept in the MIDI file.

    Raises:
        UserError: the folder cannot be made or written to; found now rather than after an hour of music.
    """

    name = "recorder"

    def __init__(self, folder: Path, num_buttons: int, notes: Iterable[str] = ()):
        self._folder = folder
        self._notes = list(notes)
        self._performance = Performance(num_buttons)
        self._played: list[PianoEvent] = []
        self.saved: list[Path] = []
        _check_writable(folder)

    def send(self, event: PianoEvent) -> None:
        """Keep one note-on, note-off or pedal."""
        self._played.append(event)

    def witness(self, event: PlayerEvent) -> None:
        """Keep one press, release or pedal."""
        self._performance.events.append(event)

    def close(self) -> None:
        """Write both files, each whole; their paths are then in `saved`. Raises UserError."""
        if not any(isinstance(event, Press) for event in self._performance.events):
            return
        stem = _free_stem(self._folder)
        try:
            save_performance(self._performance, stem.with_suffix(".json"))
            self.saved.append(stem.with_suffix(".json"))
        finally:  # if one file cannot be written, perhaps the other can
            write_midi(self._played, stem.with_suffix(".mid"), self._notes)
            self.saved.append(stem.with_suffix(".mid"))


def _check_writable(folder: Path) -> None:
    probe = folder / ".pianogenie-probe"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise UserError(f"{folder}: cannot record there ({error.strerror}); see --record and --no-record") from error


def _free_stem(folder: Path) -> Path:
    """A name by the clock that neither file bears yet: 2026-11-22_20-15-03, then ..._2."""
    first = folder / datetime.now().strftime("%Y-%m-%d_%H-%M-%S")
    stem, number = first, 1
    while any(stem.with_suffix(suffix).exists() for suffix in (".json", ".mid")):
        number += 1
        stem = first.with_name(f"{first.name}_{number}")
    return stem
