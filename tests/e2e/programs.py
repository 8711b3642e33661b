"""Real programs for end-to-end tests: found, started, stopped; skipped or failed where they are missing."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

PIANOGENIE = [sys.executable, "-m", "pianogenie"]


def need(*programs: str) -> None:
    """Skip the test if a program is missing, or fail it where PIANOGENIE_REQUIRE_E2E=1 is set."""
    missing = [p for p in programs if shutil.which(p) is None]
    if not missing:
        return
    message = f"missing: {', '.join(missing)} (Debian: apt-get install xvfb xdotool jackd2 fluidsynth)"
    if os.environ.get("PIANOGENIE_REQUIRE_E2E") == "1":
        pytest.fail(message)
    pytest.skip(message)


def wait_for(condition: Callable[[], object], what: str, seconds: float = 20.0):
    """Poll until `condition` is true, give its value; fail the test, naming `what`, when time is up."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.05)
    pytest.fail(f"waited {seconds} s in vain for {what}")


_OUT_OF_REACH = (
    "DISPLAY",
    "WAYLAND_DISPLAY",
    "SDL_VIDEODRIVER",
    "SDL_AUDIODRIVER",
    "XDG_CONFIG_HOME",
    "PIANOGENIE_CONFIG",
)


def quiet_environment(home: Path, **more: str) -> dict[str, str]:
    """An environment with neither display nor sound nor a person's folders in it."""
    environment = {k: v for k, v in os.environ.items() if k not in _OUT_OF_REACH}
    environment |= {"HOME": str(home), "XDG_RUNTIME_DIR": str(home), "PYTHONUNBUFFERED": "1"}
    return environment | more


@contextlib.contextmanager
def running(command: list[str], **options) -> Iterator[subprocess.Popen]:
    """A program for the length of a block; ended by SIGTERM, and by force if that does not do."""
    options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
    process = subprocess.Popen(command, text=True, **options)
    try:
        yield process
    finally:
        stop(process)


def stop(process: subprocess.Popen, number: int = signal.SIGTERM, seconds: float = 15.0) -> tuple[str, str]:
    """Signal a program, wait for its end, give what it printed."""
    if process.poll() is None:
        process.send_signal(number)
    try:
        return process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        pytest.fail(f"{process.args[0]} did not end within {seconds} s of signal {number}")
    except ValueError:  # its pipes were read and closed already
        return "", ""


@contextlib.contextmanager
def xvfb(size: str = "1280x800x24") -> Iterator[str]:
    """An X server without a screen; gives its DISPLAY."""
    need("Xvfb")
    read, write = os.pipe()
    with running(
        # Without -noreset it starts anew whenever its last client leaves, and turns away who comes just then.
        ["Xvfb", "-displayfd", str(write), "-screen", "0", size, "-nolisten", "tcp", "-noreset"],
        pass_fds=[write],
        stderr=subprocess.DEVNULL,
    ):
        os.close(write)
        with os.fdopen(read) as answer:  # Xvfb picks a free number and writes it when it is ready
            number = answer.readline().strip()
        assert number, "Xvfb did not start"
        yield f":{number}"


def xdotool(display: str, *words: str) -> str:
    """Run one xdotool command line on a display."""
    need("xdotool")
    environment = {**os.environ, "DISPLAY": display}
    return subprocess.run(
        ["xdotool", *words], env=environment, check=True, capture_output=True, text=True, timeout=20
    ).stdout


def _sweep_after_killed_servers() -> None:
    """Give back the places of servers that were killed: jackd allows eight on a machine, and counts those."""
    for name in Path("/proc").glob("[0-9]*/comm"):
        with contextlib.suppress(OSError):  # it ended just now
            if name.read_text().strip() == "jackd":
                return
    for left in Path("/dev/shm").glob("jack*"):
        with contextlib.suppress(OSError):
            shutil.rmtree(left) if left.is_dir() else left.unlink()


def pid_of(*words: str) -> int:
    """The number of the one process with all of these among the words of its command line."""
    found = []
    for line in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):  # it ended just now
            if set(words) <= set(line.read_text().split("\0")):
                found.append(int(line.parent.name))
    assert len(found) == 1, f"processes with {words}: {found}"
    return found[0]


@contextlib.contextmanager
def jackd(name: str, period: int = 64, synchronous: bool = True) -> Iterator[dict[str, str]]:
    """A JACK server with the dummy driver, under a name of its own; gives the environment that finds it.

    Synchronous, it waits for a client that is late on a busy machine, where it would else lose its notes; and waits for
    seconds for one that was killed.
    """
    need("jackd")
    _sweep_after_killed_servers()
    environment = {"JACK_DEFAULT_SERVER": name, "JACK_NO_START_SERVER": "1", "JACK_NO_AUDIO_RESERVATION": "1"}
    with running(
        ["jackd", *(["-S"] if synchronous else []), "-n", name, "-r", "-d", "dummy", "-r", "48000", "-p", str(period)],
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as server:

        def answers() -> bool:
            assert server.poll() is None, "jackd ended at once"
            # A client that leaves without a word keeps a synchronous server waiting for five seconds.
            probe = "import rtmidi; client = rtmidi.MidiOut(rtmidi.API_UNIX_JACK); client.get_ports(); client.delete()"
            return (
                subprocess.run(
                    [sys.executable, "-c", probe],
                    env={**os.environ, **environment},
                    capture_output=True,
                    timeout=20,
                ).returncode
                == 0
            )

        wait_for(answers, "jackd")
        try:
            yield environment
        finally:
            server.terminate()
            try:
                server.wait(10)
            except subprocess.TimeoutExpired:  # it waits for clients that a test has ended in mid-sentence
                server.kill()
