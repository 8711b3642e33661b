"""A collection of MIDI files -> memory-mapped arrays.

A data folder holds four arrays over all notes of all pieces, one after the other:

    keys.npy        uint8    0..87
    onsets.npy      float64  seconds from the piece's start
    durations.npy   float32  seconds
    velocities.npy  uint8    1..127

and data.json, which says where each piece lies and in which split, and what was left out and why. Notes are
written as they are read, so that memory does not grow with the collection. The folder is made beside its
place and moved there whole.
"""

import contextlib
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np

from pianogenie.errors import UserError
from pianogenie.files import whole_folder, write_text
from pianogenie_train import sources, workers
from pianogenie_train.sources import SPLITS

FORMAT = "pianogenie-data/1"
ARRAYS = {"keys": np.uint8, "onsets": np.float64, "durations": np.float32, "velocities": np.uint8}
WINDOW_NOTES = 128
"""The window that scores are made of; a split without a single one cannot be scored."""

HASH_SHARES = {"validation": 0.1, "test": 0.1}
"""The shares of files that neither a folder nor a table puts into a split; the rest is for training."""

_MOST_NAMES = 200  # left-out files named in data.json


def prepare(
    paths: list[str],
    out: Path,
    *,
    jobs: int,
    command: str = "",
    force: bool = False,
    progress: Callable[[list], contextlib.AbstractContextManager] = contextlib.nullcontext,
) -> dict:
    """Read every MIDI file of `paths` (folders and zips) and write the data folder `out`. Returns its report.

    `progress` wraps the list of files for a bar. Broken files are named in the report and skipped. Raises
    UserError if a path is missing, no file is usable, or `out` is there already and not `force`.
    """
    check_place(out, force)
    files = sources.find_all(paths)
    if not files:
        raise UserError(f"{', '.join(paths)}: no .mid or .midi file in there")
    with whole_folder(out) as folder:
        report = _write(files, folder, paths, jobs, command, progress)
    return report


def check_place(out: Path, force: bool) -> None:
    """Raise UserError if `out` is in use by something other than data of ours, or by that and not `force`."""
    if not out.exists() and not out.is_symlink():
        return
    if not (out / "data.json").is_file():
        raise UserError(f"{out}: is there already and is not a data folder; name another")
    if not force:
        raise UserError(f"{out}: is there already; name another, or overwrite it with --force")


def _write(files, folder: Path, paths: list[str], jobs: int, command: str, progress) -> dict:
    pieces = []
    files_out: Counter[str] = Counter()
    named: list[dict[str, str]] = []
    notes_out: Counter[str] = Counter()
    with contextlib.ExitStack() as stack:
        arrays = {
            name: stack.enter_context(GrowingArray(folder / f"{name}.npy", kind)) for name, kind in ARRAYS.items()
        }
        bar = stack.enter_context(progress(files))
        for file, parsed in workers.parse_all(bar if bar is not None else files, jobs):
            notes = parsed.notes
            if notes is None:
                files_out[parsed.reason] += 1
                if len(named) < _MOST_NAMES:
                    named.append({"name": file.name, "reason": parsed.reason})
                continue
            piece = {
                "name": file.name,
                "source": paths.index(file.source),
                "split": file.split,
                "start": len(arrays["keys"]),
                "length": len(notes),
                "seconds": round(float(notes.onsets[-1] + notes.durations[-1]), 3),
            }
            pieces.append((piece, parsed.fraction))
            for name, array in arrays.items():
                array.append(getattr(notes, name))
            notes_out.update(notes.left_out)
    if not pieces:
        reasons = "; ".join(f"{count} {reason}" for reason, count in files_out.most_common(3))
        raise UserError(f"{', '.join(paths)}: no usable MIDI file among {len(files)} ({reasons})")
    _split_by_hash(pieces)
    report = _report([piece for piece, _ in pieces], files_out, notes_out, named)
    data = {
        "format": FORMAT,
        "command": command,
        "sources": [Path(p).name for p in paths],
        "collection": sources.collection(paths, files),
        "report": report,
        "pieces": [piece for piece, _ in pieces],
    }
    write_text(folder / "data.json", json.dumps(data, ensure_ascii=False, indent=1))
    return report


def _split_by_hash(pieces: list[tuple[dict, float]]) -> None:
    """Give a split to each piece that has none, by its hash: the same file, the same split, in any collection."""
    undecided = [(piece, fraction) for piece, fraction in pieces if piece["split"] is None]
    for piece, fraction in undecided:
        piece["split"] = "train"
        for split, share in HASH_SHARES.items():
            if 0 <= fraction < share:
                piece["split"] = split
            fraction -= share
    # A small collection may have nothing to be scored on by bad luck: what has the lowest hash then is, each copy.
    long_enough = [(f, i) for i, (p, f) in enumerate(pieces) if p["length"] >= WINDOW_NOTES]
    scored = [i for _, i in long_enough if pieces[i][0]["split"] == "validation"]
    if undecided and len(long_enough) > 1 and not scored:
        spare = [(f, i) for f, i in long_enough if any(pieces[i][0] is piece for piece, _ in undecided)]
        lowest = min((fraction for fraction, _ in spare), default=None)
        for fraction, i in spare:
            if fraction == lowest:
                pieces[i][0]["split"] = "validation"


def _report(pieces: list[dict], files_out: Counter, notes_out: Counter, named: list) -> dict:
    splits = {}
    for split in SPLITS:
        ours = [piece for piece in pieces if piece["split"] == split]
        splits[split] = {
            "files": len(ours),
            "notes": sum(piece["length"] for piece in ours),
            "hours": round(sum(piece["seconds"] for piece in ours) / 3600, 3),
            "windows": sum(piece["length"] // WINDOW_NOTES for piece in ours),
        }
    return {
        "files": len(pieces),
        "notes": sum(split["notes"] for split in splits.values()),
        "hours": round(sum(split["hours"] for split in splits.values()), 3),
        "splits": splits,
        "files_left_out": dict(files_out.most_common()),
        "notes_left_out": dict(notes_out.most_common()),
        "left_out": named,
    }


class GrowingArray:
    """A one-dimensional .npy file that is appended to. A context manager; its length is known at the end."""

    def __init__(self, path: Path, dtype: type):
        self._path, self._dtype, self._length = path, np.dtype(dtype), 0

    def __enter__(self) -> "GrowingArray":
        self._file = open(self._path, "wb")
        self._header()
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._file.seek(0)
            self._header()
        finally:
            self._file.close()

    def __len__(self) -> int:
        return self._length

    def append(self, values: np.ndarray) -> None:
        """Add `values` [N] at the end."""
        self._file.write(values.astype(self._dtype, copy=False).tobytes())
        self._length += len(values)

    def _header(self) -> None:
        # numpy pads its header so that a longer length fits into the same room.
        shape = {"descr": self._dtype.str, "fortran_order": False, "shape": (self._length,)}
        np.lib.format.write_array_header_1_0(self._file, shape)
