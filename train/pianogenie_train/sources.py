"""What was named on the command line -> the MIDI files in it, and which split each belongs to.

A file's split is told, in this order, by the innermost folder on its way called train, validation or test; by a
MAESTRO table (a .csv with the columns midi_filename and split); or, later, by a hash of its content. What the
collection itself is called says nothing of its files, unless several are named that are called differently so:
`mine/train mine/validation`.
Zips are read in place: no member's name ever becomes a path on the disk.
"""

import csv
import hashlib
import io
import os
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pianogenie.errors import UserError

LARGEST_FILE_BYTES = 16 << 20
"""A MIDI file over this size is skipped: no performance is that long, and a zip may lie about its members."""

SPLITS = ("train", "validation", "test")
_FOLDER_SPLITS = {"train": "train", "validation": "validation", "valid": "validation", "test": "test"}
_SUFFIXES = (".mid", ".midi")


@dataclass(frozen=True)
class MidiFile:
    """A file that may hold notes: `member` of the folder or zip `source`."""

    source: str
    member: str
    size: int  # bytes, as the folder or the zip claims
    split: str | None  # None: not told by folder or table

    @property
    def name(self) -> str:
        """The member's name, fit to be printed and put into JSON."""
        printable = self.member.encode("utf-8", "replace").decode("utf-8")
        return "".join(c if c.isprintable() else "�" for c in printable)


def find_all(paths: list[str]) -> list[MidiFile]:
    """List folders and zips, one after the other. Raises UserError as `find` does."""
    named = [_folder_split([_own_name(Path(path))]) for path in paths]
    if len({split for split in named if split}) < 2:
        named = [None] * len(paths)
    return [file for path, split in zip(paths, named, strict=True) for file in find(path, split)]


def find(source: str, otherwise: str | None = None) -> Iterator[MidiFile]:
    """List a folder or a zip, in the order of its names; `otherwise` is the split of what nothing in it tells.

    Raises UserError if it is neither, or cannot be opened. Files that turn out broken are found out later.
    """
    path = Path(source)
    if path.is_dir():
        listing, read = _list_folder(path), _FolderReader(path)
    elif path.is_file():
        listing, read = _list_zip(path), _ZipReader(path)
    else:
        raise UserError(f"{source}: no such folder or zip")
    table = _maestro_table(listing, read)
    for member, size in sorted(listing.items()):
        pure = PurePosixPath(member)
        if pure.suffix.lower() not in _SUFFIXES or pure.name.startswith("._"):
            continue  # "._x.mid" is macOS's note about x.mid, not music
        split = _folder_split(pure.parts[:-1]) or table.get(member) or otherwise
        yield MidiFile(source, member, size, split)


def collection(paths: list[str], files: list[MidiFile]) -> dict:
    """What tells one collection from another, as data.json keeps it: where it lay, how many MIDI files it has, and a
    hash of their names and sizes, which is the same wherever the collection lies."""
    listed = sorted(f"{file.name}\0{file.size}" for file in files)
    return {
        "paths": [os.fsencode(Path(path).resolve()).decode("utf-8", "replace") for path in paths],
        "files": len(files),
        "sha256": hashlib.sha256("\n".join(listed).encode()).hexdigest(),
    }


def read_bytes(source: str, member: str, zips: dict[str, zipfile.ZipFile]) -> bytes:
    """A member's content, at most LARGEST_FILE_BYTES + 1 of it. `zips` keeps zips open between calls.

    Raises OSError, zipfile.BadZipFile, RuntimeError (encrypted), NotImplementedError or zlib.error.
    """
    if os.path.isdir(source):
        with open(os.path.join(source, member), "rb") as file:
            return file.read(LARGEST_FILE_BYTES + 1)
    if source not in zips:
        zips[source] = zipfile.ZipFile(source)
    with zips[source].open(member) as file:
        return file.read(LARGEST_FILE_BYTES + 1)


def _list_folder(root: Path) -> dict[str, int]:
    found = {}
    for folder, _, names in os.walk(root):
        for name in names:
            path = Path(folder, name)
            if path.suffix.lower() in (*_SUFFIXES, ".csv"):
                try:
                    size = path.stat().st_size if path.is_file() else None
                except OSError:
                    size = 0  # reading it will say why
                if size is not None:
                    found[path.relative_to(root).as_posix()] = size
    return found


def _list_zip(path: Path) -> dict[str, int]:
    try:
        with zipfile.ZipFile(path) as archive:
            return {info.filename: info.file_size for info in archive.infolist() if not info.is_dir()}
    except (zipfile.BadZipFile, OSError, NotImplementedError, ValueError) as error:
        raise UserError(f"{path}: neither a folder nor a readable zip ({error})") from error


class _FolderReader:
    def __init__(self, root: Path):
        self.root = root

    def __call__(self, member: str) -> bytes:
        return read_bytes(str(self.root), member, {})


class _ZipReader:
    def __init__(self, path: Path):
        self.path = path

    def __call__(self, member: str) -> bytes:
        with zipfile.ZipFile(self.path) as archive:
            return read_bytes(str(self.path), member, {str(self.path): archive})


def _own_name(source: Path) -> str:
    return source.stem if source.is_file() else source.resolve().name


def _folder_split(parts: Sequence[str]) -> str | None:
    """What the innermost of folders, the outermost first, says."""
    return next((_FOLDER_SPLITS[p.lower()] for p in reversed(parts) if p.lower() in _FOLDER_SPLITS), None)


def _maestro_table(listing: dict[str, int], read) -> dict[str, str]:
    """Every {member: split} that MAESTRO tables in the listing tell. Other tables, and broken ones, tell nothing."""
    table: dict[str, str] = {}
    for member in sorted(m for m, size in listing.items() if m.lower().endswith(".csv")):
        if listing[member] > LARGEST_FILE_BYTES:
            continue
        try:
            rows = csv.DictReader(io.StringIO(read(member).decode("utf-8-sig")))
            if not {"midi_filename", "split"} <= set(rows.fieldnames or ()):
                continue
            for row in rows:
                split = _FOLDER_SPLITS.get((row["split"] or "").strip().lower())
                if split and row["midi_filename"]:
                    table[(PurePosixPath(member).parent / row["midi_filename"]).as_posix()] = split
        except (OSError, ValueError, csv.Error, zipfile.BadZipFile, RuntimeError, NotImplementedError):
            continue
    return table
