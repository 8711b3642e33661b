"""A recording while it is being made: a file that only grows, so that what was played outlives a power cut.

JSON lines, `pianogenie-journal/1`: a header, then one event a line, what the player did (press, release, pedal) and
what the piano was told (on, off, sustain) in order of time. A journal belongs to whoever holds its lock, which the
system takes from a process however that ends; one that nobody holds was left behind. Reading takes what is whole and
leaves out what is not: the tail of a torn line, blocks of zeros that a power cut left.
"""

import contextlib
import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from pianogenie.errors import UserError
from pianogenie.events import NoteOff, NoteOn, Pedal, PianoEvent, PlayerEvent, Press, Release
from pianogenie.keys import NUM_KEYS

FORMAT = "pianogenie-journal/1"
SUFFIX = ".journal"
RINGS_ON_S = 0.5
"""How long what a killed session left sounding sounds on after its last event."""
_MAX_HEADER_BYTES = 1 << 20
_MAX_LINE_BYTES = 8192

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
        for event in self._events():
            if type(event) is tuple:
                last = max(last, event[0].time)
                yield event[0]._replace(time=last)

    def sounded(self) -> Iterator[PianoEvent]:
        """What sounded, made whole: every note ends, and the pedal comes up."""
        sounding: set[int] = set()
        pedal, time, end = 0, 0.0, 0.0
        for event in self._events():
            if type(event) is tuple:
                end = max(end, event[0].time)
                continue
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
            yield event._replace(time=time)
        end = max(end, time) + RINGS_ON_S
        for key in sorted(sounding):
            yield NoteOff(key, end)
        if pedal:
            yield Pedal(0, end)

    def _events(self) -> Iterator[PianoEvent | tuple[PlayerEvent]]:
        """The events that are whole."""
        with open(self._path, "rb") as file:
            file.readline(_MAX_HEADER_BYTES)
            while line := file.readline(_MAX_LINE_BYTES):
                event = _event(_parse(line), self._start, self.num_buttons)
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


def _event(fields: object, start: float, num_buttons: int) -> PianoEvent | tuple[PlayerEvent] | None:
    if not isinstance(fields, list) or len(fields) < 3:
        return None
    kind, time, *rest = fields
    if type(time) not in (int, float) or not 0 <= time < 1e9:
        return None
    time = max(0.0, round(time - start, 6)) if start else float(time)
    highs = {
        "press": (num_buttons - 1, 127),
        "release": (num_buttons - 1,),
        "pedal": (127,),
        "on": (NUM_KEYS - 1, 127, num_buttons - 1),
        "off": (NUM_KEYS - 1,),
        "sustain": (127,),
    }.get(kind if isinstance(kind, str) else "")
    if highs is None or len(highs) != len(rest):
        return None
    no_velocity = kind == "press" and rest[1] is None
    for place, (value, high) in enumerate(zip(rest, highs, strict=True)):
        low = 1 if place == 1 else 0  # a velocity
        if not (type(value) is int and low <= value <= high) and not (place == 1 and no_velocity):
            return None
    if kind == "press":
        return (Press(rest[0], time, rest[1]),)
    if kind == "release":
        return (Release(rest[0], time),)
    if kind == "pedal":
        return (Pedal(rest[0], time),)
    if kind == "on":
        return NoteOn(*rest, time)
    return NoteOff(rest[0], time) if kind == "off" else Pedal(rest[0], time)


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
