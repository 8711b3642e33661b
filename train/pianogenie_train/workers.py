"""Parsing on all cores, in processes that may die without taking the run with them.

Files go to the workers in batches, and come back in the order they were sent, so that a collection gives the
same arrays on any number of cores. If a worker dies (a parser written in C++ may), the batch that waits is
read again a file at a time, each in a process of its own, and the one that kills its process is named.
"""

import hashlib
import multiprocessing
import os
import signal
import zipfile
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass

from pianogenie_train import parse, sources

_BATCH_FILES = 32
_BATCH_BYTES = 8 << 20


@dataclass
class Parsed:
    """What became of a file: its notes, or the reason why there are none; and a hash of its content."""

    notes: parse.Notes | None
    reason: str | None = None
    digest: int = 0  # 64 bits

    @property
    def fraction(self) -> float:
        """The digest as a number in [0, 1): what decides the split of a file that nothing else decides."""
        return self.digest / 2**64


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def parse_all(files: Iterable[sources.MidiFile], jobs: int) -> Iterator[tuple[sources.MidiFile, Parsed]]:
    """Parse every file on `jobs` processes, in order, with a bounded number of files in flight."""
    batches = _batches(files)
    waiting: deque[tuple[list[sources.MidiFile], Future | None]] = deque()
    pool = _pool(jobs)
    try:
        while True:
            while len(waiting) < 3 * jobs and (batch := next(batches, None)) is not None:
                waiting.append((batch, _submit(pool, batch)))
            if not waiting:
                return
            batch, future = waiting.popleft()
            try:
                results = future.result() if future else None
            except BrokenProcessPool:
                results = None
            if results is None:
                pool.shutdown(cancel_futures=True)
                results = [_parse_alone(file) for file in batch]
                pool = _pool(jobs)
                waiting = deque((later, _submit(pool, later)) for later, _ in waiting)
            yield from zip(batch, results, strict=True)
    finally:
        pool.shutdown(cancel_futures=True)


def _batches(files: Iterable[sources.MidiFile]) -> Iterator[list[sources.MidiFile]]:
    batch: list[sources.MidiFile] = []
    size = 0
    for file in files:
        batch.append(file)
        size += min(file.size, sources.LARGEST_FILE_BYTES)
        if len(batch) == _BATCH_FILES or size >= _BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _pool(jobs: int) -> ProcessPoolExecutor:
    # Spawned, not forked: a fork of a process with threads (torch's, a test's) may hang.
    return ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn"), initializer=_ignore_interrupts)


def _ignore_interrupts() -> None:
    # Ctrl-C reaches every process of the terminal; only the parent should speak about it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _submit(pool: ProcessPoolExecutor, batch: list[sources.MidiFile]) -> Future | None:
    try:
        return pool.submit(_parse_batch, batch)
    except BrokenProcessPool:
        return None


def _parse_alone(file: sources.MidiFile) -> Parsed:
    with _pool(1) as pool:
        try:
            return pool.submit(_parse_batch, [file]).result()[0]
        except BrokenProcessPool:
            return Parsed(None, "not readable as MIDI: it crashes the parser")


_open_zips: dict[str, zipfile.ZipFile] = {}  # a worker's own, for as long as it lives


def _parse_batch(batch: list[sources.MidiFile]) -> list[Parsed]:
    return [_parse_file(file) for file in batch]


def _parse_file(file: sources.MidiFile) -> Parsed:
    too_large = f"over {sources.LARGEST_FILE_BYTES >> 20} MB"
    if file.size > sources.LARGEST_FILE_BYTES:
        return Parsed(None, too_large)
    try:
        data = sources.read_bytes(file.source, file.member, _open_zips)
    except OSError as error:
        return Parsed(None, f"cannot be read: {error.strerror or error}")
    except NotImplementedError:
        return Parsed(None, "cannot be read: packed by an unknown method")
    except RuntimeError:
        return Parsed(None, "cannot be read: encrypted")
    except Exception:  # BadZipFile, zlib.error, LZMAError, KeyError, ...: what zipfile raises is no closed list
        return Parsed(None, "cannot be read: damaged in the zip")
    if len(data) > sources.LARGEST_FILE_BYTES:
        return Parsed(None, too_large)
    digest = int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "big")
    try:
        return Parsed(parse.parse(data), None, digest)
    except parse.BrokenFile as error:
        return Parsed(None, str(error), digest)
    except MemoryError:
        return Parsed(None, "not readable as MIDI: it asks for too much memory", digest)
