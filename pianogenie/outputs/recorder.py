"""The recorder: what the player did and what sounded, as two files beside each other.

While somebody plays it appends to a queue, nothing else; a thread of its own writes the queue to a journal a few times
a second. So memory stays flat however long a session is, and a session that is killed loses a fraction of a second.
On closing, the journal becomes the two files; one that was left behind becomes them later (`recover`).
"""

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path

from pianogenie.announcing import notice
from pianogenie.errors import UserError
from pianogenie.events import PianoEvent, PlayerEvent, Press
from pianogenie.outputs.base import Output
from pianogenie.outputs.journal import SUFFIX, Journal, Reading, claim
from pianogenie.performance import write_performance
from pianogenie.smf import write_midi

_WRITE_EVERY_S = 0.1
_SYNC_EVERY_S = 2.0
_BATCH = 64
"""Events formatted at a time: some 0.1 ms, which is how long a press may have to wait for the interpreter."""
_QUEUE_LIMIT = 1 << 17
"""Events kept for a disk that does not answer: ten minutes of very fast playing."""
_TAKE_ENDS_S = 1800.0
_BEFORE_LIMIT = 256
"""Events kept from before the first press: the pedal may be worked for hours with no note to show for it."""


class Recorder(Output):
    """Keeps a session in a journal and turns that into `<time>.json` and `<time>.mid` when it closes.

    Nothing is written for a session without a press. The name is the time of the first one. Half an hour in which
    nothing happens ends a recording, and the next press begins another: an instrument may be on for weeks.

    Args:
        folder: where to; made if need be.
        num_buttons: of the session's model.
        notes: lines about the session (model, seed, temperature), kept in the MIDI file.
        announce: is told, once, if the disk takes no more; what it took is kept.

    Raises:
        UserError: the folder cannot be made or written to; found now rather than after an hour of music.
    """

    name = "recorder"

    def __init__(
        self, folder: Path, num_buttons: int, notes: Iterable[str] = (), announce: Callable[[str], None] = notice
    ):
        self._folder = folder
        self._num_buttons = num_buttons
        self._notes = list(notes)
        self._announce = announce
        self.saved: list[Path] = []
        _check_writable(folder)
        self._queue: deque[PianoEvent | tuple[PlayerEvent]] = deque()
        self._before: deque[PianoEvent | tuple[PlayerEvent]] | None = deque(maxlen=_BEFORE_LIMIT)
        self._journal: Journal | None = None
        self._fault: str | None = None
        self._closing = threading.Event()
        self._writer = threading.Thread(target=self._write, name="recorder", daemon=True)
        self._writer.start()

    def send(self, event: PianoEvent) -> None:
        """Keep one note-on, note-off or pedal."""
        if len(self._queue) < _QUEUE_LIMIT:
            self._queue.append(event)

    def witness(self, event: PlayerEvent) -> None:
        """Keep one press, release or pedal."""
        if len(self._queue) < _QUEUE_LIMIT:
            self._queue.append((event,))

    def close(self) -> None:
        """Turn the journal into both files, each whole; their paths are then in `saved`.

        Raises UserError: not all of it was or can be written; the journal is left where it is, and named.
        """
        if self._closing.is_set():
            return
        self._closing.set()
        self._writer.join()
        self._finish()
        if self._fault:
            raise UserError(self._fault)

    def _finish(self) -> None:
        """Turn the journal, if there is one, into a recording. Raises UserError; the journal stays then."""
        journal, self._journal, self._before = self._journal, None, deque(maxlen=_BEFORE_LIMIT)
        if journal is None:
            return
        try:
            self.saved += save(journal.path)
        except Exception as error:
            journal.close()
            self.saved += [path for path in _files_of(journal.path) if path.exists()]
            raise UserError(f"{error}; what was played is kept in {journal.path}") from error
        journal.discard()

    def _write(self) -> None:
        """The thread: the queue into the journal, until closing, or until the disk takes no more."""
        busy = synced = time.monotonic()
        closing = False
        while not closing:
            closing = self._closing.wait(_WRITE_EVERY_S)
            full = len(self._queue) >= _QUEUE_LIMIT
            try:
                while batch := self._next_batch():
                    self._keep(batch)
                    busy = time.monotonic()
                if self._journal and (closing or time.monotonic() - synced > _SYNC_EVERY_S):
                    self._journal.sync()
                    synced = time.monotonic()
                if full:
                    raise OSError(5, "the disk does not keep up")
                if time.monotonic() - busy > _TAKE_ENDS_S and not closing:
                    self._finish()
            except Exception as error:  # a thread that ends without a word would lose the rest
                self._fault, self.missing = self._say_fault(error), True
                self._announce(f"{self._fault}; the session goes on without a recording")
                self._forget_until_closing()
                return

    def _say_fault(self, error: Exception) -> str:
        if isinstance(error, UserError):
            return str(error)
        where = self._journal.path if self._journal else self._folder
        return f"{where}: cannot be written any more ({getattr(error, 'strerror', None) or error!r})"

    def _next_batch(self) -> list[PianoEvent | tuple[PlayerEvent]]:
        queue, batch = self._queue, []
        while queue and len(batch) < _BATCH:
            batch.append(queue.popleft())
        return batch

    def _keep(self, batch: list[PianoEvent | tuple[PlayerEvent]]) -> None:
        if self._before is not None:
            self._before.extend(batch)
            if not any(type(event) is tuple and type(event[0]) is Press for event in batch):
                return
            batch, self._before = list(self._before), None
            # The first take begins with the session, unless nobody played for long: times end after a day.
            start = _time_of(batch[0])
            if not self.saved and start <= _TAKE_ENDS_S:
                start = 0.0
            self._journal = _new_journal(self._folder, self._num_buttons, self._notes, start)
        self._journal.append(batch)

    def _forget_until_closing(self) -> None:
        while not self._closing.wait(_WRITE_EVERY_S):
            self._queue.clear()


def save(journal: Path) -> list[Path]:
    """Write the JSON and the MIDI file of a journal beside it, each whole, and give their paths.

    An event at a time: memory stays flat. Raises UserError: one of them cannot be written; the other is, if it can.
    """
    reading = Reading(journal)
    performance, midi = _files_of(journal)
    try:
        write_performance(reading.num_buttons, reading.done(), performance)
    finally:
        write_midi(reading.sounded(), midi, reading.notes)
    return [performance, midi]


def recover(journal: Path) -> list[Path]:
    """Turn a journal that a killed session left into a recording, and give its files; none if it is in use.

    Raises UserError: it is no journal, or a file cannot be written; it stays then.
    """
    file = claim(journal)
    if file is None:
        return []
    with file:
        saved = save(journal)
        journal.unlink(missing_ok=True)
    return saved


def _files_of(journal: Path) -> tuple[Path, Path]:
    return journal.with_suffix(".json"), journal.with_suffix(".mid")


def _time_of(event: PianoEvent | tuple[PlayerEvent]) -> float:
    return event[0].time if type(event) is tuple else event.time


def _new_journal(folder: Path, num_buttons: int, notes: Iterable[str], start: float) -> Journal:
    """A journal named by the clock, with a name that no recording bears: 2026-11-22_20-15-03, then ..._2."""
    first = datetime.now().strftime("%Y-%m-%d_%H-%M-%S")
    folder.mkdir(parents=True, exist_ok=True)
    stem, number = folder / first, 1
    while True:
        if not any(stem.with_suffix(suffix).exists() for suffix in (".json", ".mid", SUFFIX)):
            try:
                return Journal(stem.with_suffix(SUFFIX), num_buttons, notes, start)
            except FileExistsError:  # another session began in the same second
                pass
        number += 1
        stem = folder / f"{first}_{number}"


def _check_writable(folder: Path) -> None:
    probe = folder / f".pianogenie-probe-{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise UserError(f"{folder}: cannot record there ({error.strerror}); see --record and --no-record") from error
