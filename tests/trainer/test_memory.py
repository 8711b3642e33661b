"""Memory does not grow with the collection."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from . import memory
from .conftest import midi_file, music

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
ROOT = Path(__file__).parents[2]
BYTES_A_NOTE = 14  # on the disk


def peaks(job: str, *paths: Path) -> list[float]:
    """MiB at most, in one process that does all in a row: the first is there to fill what is filled once."""
    done = subprocess.run(
        [sys.executable, memory.__file__, job, *map(str, paths)],
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_WAIT_POLICY": "passive"},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def collection(path: Path, files: int, notes: int) -> Path:
    """A zip of so many times the same file."""
    content = midi_file(path.with_suffix(".mid"), music(1, notes)).read_bytes()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for n in range(files):
            archive.writestr(f"{'train' if n % 10 else 'validation'}/{n}.mid", content)
    return path


def grown(small_mib: float, large_mib: float, more_notes: int) -> float:
    """What was taken for so many notes more, as a share of their size on the disk."""
    return (large_mib - small_mib) * (1 << 20) / (more_notes * BYTES_A_NOTE)


def test_learning_takes_no_more_for_sixteen_times_the_notes(tmp_path):
    small, large = (memory.synthetic(tmp_path / str(notes), notes) for notes in (500_000, 8_000_000))
    _, few, many = peaks("batches", small, small, large)
    assert grown(few, many, 7_500_000) < 0.1


def test_preparing_takes_no_more_for_six_times_the_files(tmp_path):
    small, large = (collection(tmp_path / f"{files}.zip", files, 4000) for files in (100, 600))
    few, many = peaks("prepare", small, large)
    assert grown(few, many, 500 * 4000) < 0.2


@pytest.mark.soak
def test_fifty_million_notes_are_trained_on_in_the_memory_of_half_a_million(tmp_path):
    small, large = (memory.synthetic(tmp_path / str(notes), notes) for notes in (500_000, 50_000_000))
    _, few, many = peaks("fit", small, small, large)
    print(f"own memory at most: {few:.0f} MiB of 0.5 M notes, {many:.0f} MiB of 50 M")
    assert grown(few, many, 49_500_000) < 0.05


@pytest.mark.soak
def test_fifty_million_notes_are_prepared_in_the_memory_of_two(tmp_path):
    small, large = (collection(tmp_path / f"{files}.zip", files, 20_000) for files in (100, 2500))
    few, many = peaks("prepare", small, large)
    print(f"own memory at most: {few:.0f} MiB of 2 M notes, {many:.0f} MiB of 50 M")
    assert grown(few, many, 48_000_000) < 0.05
