"""`pianogenie` as processes of its own, without waiting for torch each time: a server imports it once and forks.

with start("train", "fit", ...) as program: os.kill(program.pid, signal.SIGKILL)
assert program.status == -signal.SIGKILL
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]


class Program:
    """A command under way. `status` and what it `said`, on both outputs, are known when it has ended."""

    def __init__(self, pid: int):
        self.pid, self.status, self.said = pid, None, ""


@contextlib.contextmanager
def server() -> Iterator[Callable]:
    """Give what starts a command of `pianogenie`, one at a time; each is waited for at the end of its block."""
    with subprocess.Popen(
        [sys.executable, __file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        # A library with threads of its own might hang after a fork.
        env={**os.environ, "OMP_WAIT_POLICY": "passive", "OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
    ) as process:

        @contextlib.contextmanager
        def start(*words: object) -> Iterator[Program]:
            process.stdin.write(json.dumps([str(word) for word in words]) + "\n")
            process.stdin.flush()
            program = Program(int(process.stdout.readline()))
            try:
                yield program
            except BaseException:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(program.pid, signal.SIGKILL)
                raise
            finally:
                program.status, program.said = json.loads(process.stdout.readline())

        try:
            yield start
        finally:
            process.stdin.close()


def _run(words: list[str], said: int) -> int:
    from pianogenie.cli import main

    os.dup2(said, 1)
    os.dup2(said, 2)
    sys.argv = ["pianogenie", *words]
    try:
        main()
    except SystemExit as end:
        return end.code or 0
    return 0


def _serve() -> None:
    import tempfile

    # What commands import when they need it.
    import onnxscript  # noqa: F401
    import torch._dynamo  # noqa: F401

    for line in sys.stdin:
        with tempfile.TemporaryFile() as said:
            pid = os.fork()
            if not pid:
                status = 1
                try:
                    status = _run(json.loads(line), said.fileno())
                finally:
                    sys.stdout.flush()
                    sys.stderr.flush()
                    os._exit(status)
            print(pid, flush=True)
            status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            said.seek(0)
            print(json.dumps([status, said.read().decode()]), flush=True)


if __name__ == "__main__":
    _serve()
