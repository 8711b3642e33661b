"""A recording while it is being made: a file that only grows, so that what was played outlives a power cut.

JSON lines, `pianogenie-journal/1`: a header, then one event a line, what the player did (press, release, pedal) and
what the piano was told (on, off, sustain) in order of time. A journal belongs to whoever holds its lock, which the
system takes from a process however that ends; one that nobody holds was left behind. Reading takes what is whole and
leaves out what is not: the tail of a torn line, blocks of zeros that a power cut left.
"""

import contextlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from pianogenie.errors import UserError
from pianogenie.events import NoteOff, NoteOn, Pedal, PianoEvent, PlayerEvent, Press, Release
from pianogenie.keys import NUM_KEYS

FORMAT = "pianogenie-journal/1"
SUFFIX = ".journal"
RINGS_ON_S = 0.5
"""How long what a killed session left sounding sounds on after its last event."""
_MAX_HEADER_BYTES = 1 << 20
_MAX_LINE_BYTES = 8192

# What a line holds after its kind and time: how an event is made of it, and the bounds of each; None: the last button.
_BUTTON, _KEY, _VELOCITY, _VALUE = (0, None), (0, NUM_KEYS - 1), (1, 127), (0, 127)
_PLAYERS = {
    "press": (lambda button, velocity, time: Press(button, time, velocity), (_BUTTON, _VELOCITY)),
    "release": (Release, (_BUTTON,)),
    "pedal": (Pedal, (_VALUE,)),
}
_PIANOS = {
    "on": (NoteOn, (_KEY, _VELOCITY, _BUTTON)),
    "off": (NoteOff, (_KEY,)),
    "sustain": (Pedal, (_VALUE,)),
}

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None
    import msvcrt


class Journal:
    """A journal of our own, locked. Written to by one thread; every call may raise OSError.

    Args:
        path: must not exist.
        num_buttons, notes: of the session, for the recording that it becomes.
        start: the session's time (s) that is the recording's zero.
    """

    def __init__(self, path: Path, num_buttons: int, notes: Iterable[str], start: float = 0.0):
        self.path = path
        # Unbuffered: a kill a moment later finds everything with the system.
        self._file = open(path, "xb", buffering=0)
        if not _lock(self._file) or not _is_at(self._file, path):
            self._file.close()
            raise FileExistsError(17, "taken by another process just now", str(path))
        self._unsynced = False
        header = {"format": FORMAT, "num_buttons": num_buttons, "notes": list(notes), "start": start}
        self._write(json.dumps(header).encode() + b"\n")

    def append(self, played: Iterable[PianoEvent | tuple[PlayerEvent]]) -> None:
        """Write events; a player's stands in a tuple of its own, since a pedal may be either's."""
        self._write("".join(map(_line, played)).encode())

    def sync(self) -> None:
        """Have what is written on the disk itself before returning."""
        if self._unsynced:
            os.fsync(self._file.fileno())
            self._unsynced = False

    def close(self) -> None:
        """Leave the file where it is, for whoever comes to recover it."""
        self._file.close()

    def discard(self) -> None:
        """Remove the file: it has become a recording."""
        _discard(self._file, self.path)

    def _write(self, data: bytes) -> None:
        while data:
            data = data[self._file.write(data) :]
        self._unsynced = True


def claim(path: Path) -> BinaryIO | None:
    """Lock a journal that was left behind, until the file is closed; None if a living session writes it.

    Raises UserError: it cannot be opened.
    """
    try:
        file = open(path, "r+b")
    except FileNotFoundError:  # another process has dealt with it
        return None
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from error
    if _lock(file) and _is_at(file, path):
        return file
    file.close()
    return None


def left_behind(folder: Path) -> list[Path]:
    """The journals in a folder that nobody writes, by name. One in which nothing was written yet is removed."""
    found = []
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        with contextlib.suppress(UserError, OSError):
            if (file := claim(path)) is None:
                continue
            with file:
                if not os.fstat(file.fileno()).st_size:
                    _discard(file, path)
                    continue
            Reading(path)  # what else bears such a name is left alone
            found.append(path)
    return found


class Reading:
    """What stands in a journal, read anew, an event at a time, by each of the two methods.

    Raises UserError if the file is none.

    Attributes:
        num_buttons, notes: from its header.
    """

    def __init__(self, path: Path):
        self._path = path
        try:
            with open(path, "rb") as file:
                header = _parse(file.readline(_MAX_HEADER_BYTES))
        except OSError as error:
            raise UserError(f"{path}: cannot be read ({error.strerror})") from error
        if not _is_header(header):
            raise UserError(f"{path}: not the journal of a recording")
        self.num_buttons: int = header["num_buttons"]
        self.notes: list[str] = header["notes"]
        self._start: float = header["start"]

    def done(self) -> Iterator[PlayerEvent]:
        """What the player did, in order of time."""
        last = 0.0
        for event in self._events(_PLAYERS):
            last = max(last, event.time)
            yield event if event.time == last else event._replace(time=last)

    def sounded(self) -> Iterator[PianoEvent]:
        """What sounded, made whole: every note ends, and the pedal comes up."""
        sounding: set[int] = set()
        pedal, time = 0, 0.0
        for event in self._events(_PIANOS):
            time = max(time, event.time)
            kind = type(event)
            if kind is NoteOn:
                if event.key in sounding:
                    yield NoteOff(event.key, time)
                sounding.add(event.key)
            elif kind is NoteOff:
                if event.key not in sounding:
                    continue
                sounding.discard(event.key)
            else:
                pedal = event.value
            yield event if event.time == time else event._replace(time=time)
        end = time + RINGS_ON_S
        for key in sorted(sounding):
            yield NoteOff(key, end)
        if pedal:
            yield Pedal(0, end)

    def _events(self, kinds: Mapping[str, tuple]) -> Iterator[Any]:
        """The events of these kinds that are whole."""
        # What is not asked for need not be parsed: half of the time that a long recording takes.
        beginnings = tuple(f'["{kind}"'.encode() for kind in kinds)
        with open(self._path, "rb") as file:
            file.readline(_MAX_HEADER_BYTES)
            while line := file.readline(_MAX_LINE_BYTES):
                if line.startswith(beginnings):
                    event = _event(_parse(line), kinds, self._start, self.num_buttons)
                    if event is not None:
                        yield event


def _line(event: PianoEvent | tuple[PlayerEvent]) -> str:
    kind = type(event)
    if kind is NoteOn:
        return f'["on",{event.time!r},{event.key},{event.velocity},{event.button}]\n'
    if kind is NoteOff:
        return f'["off",{event.time!r},{event.key}]\n'
    if kind is Pedal:
        return f'["sustain",{event.time!r},{event.value}]\n'
    (event,) = event
    kind = type(event)
    if kind is Press:
        return f'["press",{event.time!r},{event.button},{"null" if event.velocity is None else event.velocity}]\n'
    if kind is Release:
        return f'["release",{event.time!r},{event.button}]\n'
    return f'["pedal",{event.time!r},{event.value}]\n'


def _event(fields: object, kinds: Mapping[str, tuple], start: float, num_buttons: int) -> Any:
    """An event from a line's fields; None if they are not what its kind takes."""
    if not isinstance(fields, list) or len(fields) < 3:
        return None
    kind, time, *rest = fields
    make, bounds = kinds[kind]
    if type(time) not in (int, float) or not 0 <= time < 1e9 or len(rest) != len(bounds):
        return None
    for value, (low, high) in zip(rest, bounds, strict=True):
        if type(value) is int:
            if not low <= value <= (num_buttons - 1 if high is None else high):
                return None
        elif value is not None or kind != "press" or value is rest[0]:  # of which the velocity alone may be none
            return None
    return make(*rest, max(0.0, round(time - start, 6)) if start else float(time))


def _parse(line: bytes) -> object:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def _is_header(header: object) -> bool:
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        return False
    buttons, notes = header.get("num_buttons"), header.get("notes")
    if type(buttons) is not int or not 1 <= buttons <= 88 or not isinstance(notes, list):
        return False
    start = header.get("start")
    if type(start) not in (int, float) or not 0 <= start < 1e9:
        return False
    return all(isinstance(note, str) for note in notes)


def _lock(file: BinaryIO) -> bool:
    """Take the file's lock for as long as it is open; whether it was free."""
    try:
        if fcntl is not None:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        else:
            place = file.tell()
            file.seek(1 << 40)  # such a lock keeps others from reading what it covers
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
            file.seek(place)
    except OSError:
        return False
    return True


def _discard(file: BinaryIO, path: Path) -> None:
    if fcntl is None:
        file.close()  # Windows removes no file that is open
    path.unlink(missing_ok=True)
    file.close()


def _is_at(file: BinaryIO, path: Path) -> bool:
    """Whether an open file is still the one at its path: another process may have dealt with it meanwhile."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), os.stat(path))
    except OSError:
        return False
