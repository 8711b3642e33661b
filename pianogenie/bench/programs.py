"""Programs that a measurement needs: found, started, and ended with it, whatever ends it."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence

_ENDS_WITHIN_S = 10.0
_PR_SET_PDEATHSIG = 1


class Missing(Exception):
    """A part cannot be measured, and why."""


def find(program: str) -> str:
    """Where a program is. Raises Missing."""
    path = shutil.which(program)
    if path is None:
        raise Missing(f"{program} is not installed")
    return path


@contextlib.contextmanager
def started(command: Sequence[str], **options) -> Iterator[subprocess.Popen]:
    """A program for the length of a block; where the system can do that it is ended too if this one is killed.

    By SIGTERM: a JACK server that was killed itself leaves 100 MB behind, and a place among eight.
    """
    options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL} | options
    if sys.platform.startswith("linux"):
        prctl = ctypes.CDLL(None).prctl
        options["preexec_fn"] = lambda: prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    process = subprocess.Popen(list(command), **options)
    try:
        yield process
    finally:
        end(process)


def end(process: subprocess.Popen, seconds: float = _ENDS_WITHIN_S) -> None:
    """Wait for a program that was asked to end; ask by SIGTERM, then by SIGKILL."""
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None:
            with contextlib.suppress(OSError):
                stream.close()


class Helper:
    """A Python program that is told a line and answers with a line of JSON.

    Args:
        process: has pipes for its input and output, in bytes and without buffers.
    """

    def __init__(self, process: subprocess.Popen):
        self.process = process
        self._rest = b""

    def tell(self, *words: object) -> None:
        """Tell it a line."""
        try:
            self.process.stdin.write(" ".join(map(str, words)).encode() + b"\n")
        except OSError as error:
            raise Missing(self._gone()) from error

    def answer(self, seconds: float) -> object:
        """Its next line. Raises Missing if it ends, says nothing for so long, or says that it cannot."""
        by = time.monotonic() + seconds
        while b"\n" not in self._rest:
            rest = by - time.monotonic()
            if rest <= 0 or not select.select([self.process.stdout], [], [], rest)[0]:
                raise Missing(f"{self._name()} gave no answer in {seconds:.0f} s")
            data = os.read(self.process.stdout.fileno(), 1 << 16)
            if not data:
                raise Missing(self._gone())
            self._rest += data
        line, self._rest = self._rest.split(b"\n", 1)
        said = json.loads(line)
        if isinstance(said, dict) and "cannot" in said:
            raise Missing(said["cannot"])
        return said

    def ask(self, *words: object, seconds: float = 30.0) -> object:
        """Tell it a line, and give its answer."""
        self.tell(*words)
        return self.answer(seconds)

    def _name(self) -> str:
        return " ".join(self.process.args[1:4])

    def _gone(self) -> str:
        return f"{self._name()} ended (exit status {self.process.poll()})"


@contextlib.contextmanager
def helper(arguments: Sequence[str], environment: dict[str, str], errors: object = None) -> Iterator[Helper]:
    """A `Helper` for the length of a block: this Python with these arguments. `errors` is a file for what it says."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "bufsize": 0}
    if errors is not None:
        pipes["stderr"] = errors
    with started([sys.executable, *arguments], env=environment, **pipes) as process:
        yield Helper(process)


@contextlib.contextmanager
def busy_core() -> Iterator[None]:
    """A program that keeps one core busy for the length of a block."""
    with started([sys.executable, "-c", "while True: pass"]):
        yield


def lines_in() -> Iterator[list[str]]:
    """A helper's side: the words of each line that it is told, until there are no more.

    Reads the file itself: a thread that sits in Python's own buffers when the program ends makes it crash.
    """
    rest = b""
    while data := os.read(0, 4096):
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            yield line.decode().split()


def answer(value: object) -> None:
    """A helper's side: answer."""
    data = json.dumps(value).encode() + b"\n"
    while data:
        data = data[os.write(1, data) :]
