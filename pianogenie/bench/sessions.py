"""Sessions of the instrument to be measured: started, played on, ended, and what they left read."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pianogenie.bench.__main__ import PORT
from pianogenie.bench.bursts import bursts
from pianogenie.bench.jack import jackd
from pianogenie.bench.programs import Helper, Missing, helper, started
from pianogenie.bench.xserver import DIGITS, ESCAPE, HOME_ROW, Keys
from pianogenie.events import Press
from pianogenie.performance import load_performance

NUM_BUTTONS = 8
KEYS = DIGITS + HOME_ROW
"""Two keys a button; which button is the key's place modulo 8."""
_TRY_EVERY_S = 0.01
_PLAYABLE_S = 60.0
_ENDS_S = 30.0
_UP_FOR_S = 0.004
_OUT_OF_REACH = ("WAYLAND_DISPLAY", "SDL_VIDEODRIVER", "SDL_AUDIO_DRIVER", "DISPLAY", "XAUTHORITY")


@dataclass
class Stage:
    """Where sessions take place.

    Attributes:
        folder: for what they write.
        environment: they run in.
        peer: what is at both ends of JACK; None without it, and `no_peer` is why.
        model: name or folder.
    """

    folder: Path
    environment: dict[str, str]
    keys: Keys
    model: str
    peer: Helper | None = None
    peer_name: str = ""
    no_peer: Missing | None = None


@contextlib.contextmanager
def environment(display: str, folder: Path) -> Iterator[dict[str, str]]:
    """The person's own, with the display, a sound device that is none, and settings that are the defaults.

    SDL's `disk` writes the sound into a pipe, a buffer every 6 ms (it holds 5.8 ms; SDL knows whole ms only).
    """
    sink = folder / "sound"
    os.mkfifo(sink)
    ours = {k: v for k, v in os.environ.items() if k not in _OUT_OF_REACH}
    ours |= {"SDL_AUDIODRIVER": "disk", "SDL_DISKAUDIOFILE": str(sink), "SDL_DISKAUDIODELAY": "6"}
    ours |= {"DISPLAY": display, "PIANOGENIE_CONFIG": str(folder / "settings.toml")}
    ours |= {"PYGAME_HIDE_SUPPORT_PROMPT": "1"}  # it goes to standard output, where answers are expected
    with open(sink, "r+b", buffering=0) as pipe:  # open at both ends: it never ends, whoever comes and goes
        swallow = "import os\nwhile os.read(0, 65536): pass"
        with started([sys.executable, "-c", swallow], stdin=pipe):
            yield ours


@contextlib.contextmanager
def jack_peer(ours: dict[str, str], folder: Path) -> Iterator[tuple[Helper, str, dict[str, str]]]:
    """A JACK server with a device in it: the device, its name, and the environment that finds them. Raises Missing."""
    name = f"bench-{os.getpid()}"
    says = folder / "jackd"
    with jackd(ours, says) as found, helper(["-m", "pianogenie.bench.jack_peer", name], found) as peer:
        try:
            peer.answer(30)
        except Missing as error:
            lines = says.read_text(errors="replace").splitlines()
            why = [line for line in lines if line.startswith(("Too many", "Cannot", "Failed"))]
            raise Missing(f"jackd did not start{': ' + why[0] if why else ''}") from error
        yield peer, name, found


class Player:
    """A running session.

    Attributes:
        started_ns: before it was started, monotonic.
        folder: of its own.
    """

    def __init__(self, stage: Stage, told: Helper, folder: Path, errors: Path, started_ns: int):
        self._stage, self._told, self._errors = stage, told, errors
        self.folder, self.started_ns = folder, started_ns

    @property
    def pid(self) -> int:
        """Its process."""
        return self._told.process.pid

    def ask(self, *words: object, seconds: float = 30.0):
        """Have `player_side` do something."""
        try:
            return self._told.ask(*words, seconds=seconds)
        except Missing as error:
            raise self._why(error) from error

    def first_note_ns(self) -> int:
        """Press a key again and again until it plays; when the first note was handed over, monotonic ns."""
        by = time.monotonic() + _PLAYABLE_S
        while time.monotonic() < by:
            self._tap()
            try:
                return self._told.answer(_TRY_EVERY_S / 2)
            except Missing as error:
                if self._told.process.poll() is not None:
                    raise self._why(error) from error
        raise self._why(Missing("no key gave a note"))

    def wait_until_playable(self) -> None:
        """As `first_note_ns`, with `player_side` to ask; all that was pressed has been played afterwards."""
        by = time.monotonic() + _PLAYABLE_S
        while time.monotonic() < by:
            self._tap()
            if self.ask("counts", seconds=_PLAYABLE_S)["note_ons"]:
                self.settle()
                return
        raise self._why(Missing("no key gave a note"))

    def settle(self, enough: float = float("inf"), patience_s: float = 1.0) -> dict[str, int]:
        """Wait until so many notes were played in all, or none has come for so long; its counts then."""
        before, counts, since = -1, self.ask("counts"), time.monotonic()
        while counts["note_ons"] < enough and time.monotonic() - since < patience_s:
            if counts["note_ons"] != before:
                before, since = counts["note_ons"], time.monotonic()
            time.sleep(0.05)
            counts = self.ask("counts")
        return counts

    def end(self) -> None:
        """Escape."""
        process = self._told.process
        by = time.monotonic() + _ENDS_S
        while process.poll() is None and time.monotonic() < by:
            self._stage.keys.press(ESCAPE)
            self._stage.keys.release(ESCAPE)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(1)
        if process.poll() != 0:
            raise self._why(Missing("it did not end as it should"))

    def note_ons(self) -> tuple[list[int], list[int]]:
        """Once it has ended: when each was handed over (monotonic ns), and its MIDI note."""
        return tuple(json.loads((self.folder / "note_ons").read_text()))

    def presses(self) -> list[int]:
        """Once it has ended: the buttons that its recording says were pressed, in order."""
        recordings = sorted((self.folder / "music").glob("*.json"))
        events = [event for path in recordings for event in load_performance(path).events]
        return [event.button for event in events if isinstance(event, Press)]

    def _tap(self) -> None:
        keys = self._stage.keys
        keys.press(KEYS[0])
        time.sleep(_TRY_EVERY_S / 2)
        keys.release(KEYS[0])
        keys.collect()

    def _why(self, error: Missing) -> Missing:
        said = self._errors.read_text(errors="replace").strip().splitlines()
        return Missing(f"pianogenie play: {error}{': ' + said[-1] if said else ''}")


@contextlib.contextmanager
def playing(stage: Stage, watch: str, *options: str) -> Iterator[Player]:
    """`pianogenie play` in its window, to the peer's MIDI port or one in memory, with sound and recording."""
    folder = Path(tempfile.mkdtemp(dir=stage.folder))
    port = f"{stage.peer_name}:in" if stage.peer else PORT
    play = ["play", "--model", stage.model, "--midi-out", port, "--record", str(folder / "music"), *options]
    errors = folder / "errors"
    arguments = ["-m", "pianogenie.bench", str(folder), watch + ("" if stage.peer else "m"), *play]
    began = time.monotonic_ns()
    with errors.open("wb") as file, helper(arguments, stage.environment, file) as told:
        yield Player(stage, told, folder, errors, began)


def play_keys(keys: Keys, presses: int, seed: int) -> list[int]:
    """Play bursts on the keyboard; when the X server was asked for each press, monotonic ns.

    Where we or the X server are late, a key stays up for a few ms all the same: SDL takes one that is down again within
    two milliseconds, by the server's clock, for a repeat of the same press, as keyboards send it.
    """
    asked = []
    began = time.monotonic()
    for at, source, down, _ in bursts(presses, len(KEYS), seed):
        key = KEYS[source]
        due = max(began + at, keys.up_since(key) + _UP_FOR_S if down else 0.0)
        if due - time.monotonic() > 0.005:
            keys.collect()
        rest = due - time.monotonic()
        if rest > 0:
            time.sleep(rest)
        if down:
            asked.append(keys.press(key))
        else:
            keys.release(key)
    return asked


def buttons_of(presses: int, sources: int, seed: int) -> list[int]:
    """The buttons that bursts press, in order."""
    return [move.source % NUM_BUTTONS for move in bursts(presses, sources, seed) if move.down]
