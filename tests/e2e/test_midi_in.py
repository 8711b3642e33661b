"""A MIDI controller on a real MIDI system: played, pulled out in mid-chord, plugged in again, taught."""

import contextlib
import os
import pty
import signal
import subprocess
import sys

import pytest
import tomlkit

from tests.e2e.programs import PIANOGENIE, jackd, quiet_environment, running, stop
from tests.e2e.programs import wait_for as wait_so_long
from tests.toymodel import button_key

LOWEST_PITCH = 21


def wait_for(condition, what):
    return wait_so_long(condition, what, 60)


@pytest.fixture(scope="module")
def jack():
    with jackd(f"pianogenie-in-{os.getpid()}") as environment:
        yield environment


@pytest.fixture
def environment(jack, tmp_path):
    return quiet_environment(tmp_path, **jack, PIANOGENIE_CONFIG=str(tmp_path / "settings.toml"))


class Keys:
    """A controller: a JACK port that sends what it is told."""

    def __init__(self, environment, name="keys"):
        command = [sys.executable, "-m", "tests.e2e.midi_devices", "keys", name]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self._process = subprocess.Popen(command, env=environment, text=True, **pipes)
        assert self._process.stdout.readline().strip() == "ready"

    def say(self, *messages: str):
        for message in messages:
            self._process.stdin.write(f"{message}\n")
        self._process.stdin.flush()

    def pull(self):
        """Its port is gone. (Killed, it would keep a synchronous JACK server waiting for ten seconds.)"""
        with contextlib.suppress(ValueError):  # out already
            self._process.communicate(timeout=60)


@pytest.fixture
def plug(environment):
    made = []

    def plug(name="keys"):
        made.append(Keys(environment, name))
        return made[-1]

    yield plug
    for keys in made:
        keys.pull()


@pytest.fixture
def heard(environment, tmp_path):
    """What a synthesizer hears: a function that gives the notes and pedals so far, as words."""
    path = tmp_path / "heard.txt"
    with (
        path.open("w") as out,
        running([sys.executable, "-m", "tests.e2e.midi_devices", "listener", "synth"], env=environment, stdout=out),
    ):
        wait_for(lambda: "ready" in path.read_text(), "the listener")
        yield lambda: [line for line in path.read_text().splitlines() if line[:2] in ("90", "80", "b0")]


@contextlib.contextmanager
def player(environment, tmp_path, model, *options):
    """`pianogenie play --headless` on the listener; gives the process and a function that reads what it said."""
    path = tmp_path / "said.txt"
    command = [*PIANOGENIE, "play", "--headless", "--no-sound", "--no-record", "--temperature", "0"]
    command += ["--model", str(model), "--midi-out", "synth", *options]
    with path.open("w") as said, running(command, env=environment, stderr=said, cwd=tmp_path) as process:
        wait_for(lambda: "plays from" in path.read_text(), "the player")
        yield process, path.read_text


def on(button, velocity):
    return f"90 {LOWEST_PITCH + button_key(button):02x} {velocity:02x}"


def off(button):
    return f"80 {LOWEST_PITCH + button_key(button):02x} 40"


def test_it_plays_is_pulled_out_in_mid_chord_and_plays_again(environment, tmp_path, toy_model, plug, heard):
    keys = plug()
    with player(environment, tmp_path, toy_model, "--midi-in", "KEY") as (process, said):
        keys.say("90 3c 11", "93 40 7f", "b0 40 23")
        wait_for(lambda: len(heard()) >= 3, "a chord")
        assert heard()[-3:] == [on(0, 0x11), on(2, 0x7F), "b0 40 23"]
        keys.say("90 3c 00", "b0 40 40")
        wait_for(lambda: heard()[-2:] == [off(0), "b0 40 40"], "a release and half a pedal")
        before = len(heard())
        keys.pull()
        wait_for(lambda: len(heard()) > before + 1, "what was held to be let go")
        assert sorted(heard()[before:]) == sorted([off(2), "b0 40 00"])
        wait_for(lambda: "lost keys" in said(), "an announcement")

        keys = plug()
        wait_for(lambda: "keys:out is back" in said(), "its return to be announced")
        keys.say("90 43 30")
        wait_for(lambda: heard()[-1] == on(4, 0x30), "a note")
        _, _errors = stop(process, signal.SIGTERM)
        assert process.returncode == 0, said()
        assert off(4) in heard()[before:]


def test_one_that_is_set_is_waited_for(environment, tmp_path, toy_model, plug, heard):
    (tmp_path / "settings.toml").write_text('[play]\nmidi_in = ["later"]\n')
    with player(environment, tmp_path, toy_model) as (_process, said):
        assert "waiting for later: no such MIDI input; there are: " in said()
        keys = plug("later")
        wait_for(lambda: "later:out is there" in said(), "the controller that was waited for")
        keys.say("90 3e 40")
        wait_for(lambda: heard()[-1:] == [on(1, 0x40)], "a note")
    assert "Traceback" not in said()


def typed(environment, *words):
    """A command on a pseudo-terminal; gives its process, the terminal, and a function that reads what it shows."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*PIANOGENIE, *words], env=environment | {"TERM": "xterm"}, stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    os.set_blocking(ours, False)
    shown = []

    def read():
        with contextlib.suppress(OSError):
            shown.append(os.read(ours, 65536).decode(errors="replace"))
        return "".join(shown)

    return process, ours, read


def test_a_name_that_is_not_there_is_said_and_nothing_is_recorded(environment, tmp_path, toy_model, plug):
    plug()
    record = tmp_path / "music"
    words = ["play", "--terminal", "--no-sound", "--midi-in", "theremin", "--record", str(record)]
    process, _terminal, read = typed(environment, *words, "--model", str(toy_model))
    assert process.wait(60) == 2
    assert "theremin: no such MIDI input; there are: “keys:out”" in read().replace("\r\n", "")
    assert not list(record.glob("*"))


def test_pads_are_taught_by_striking_each_once(environment, tmp_path, toy_model, plug, heard):
    pads = plug("pads")
    process, terminal, read = typed(environment, "map", "midi", "--buttons", "4")
    for button, note in enumerate(("24", "30", "2b")):
        wait_for(lambda: f"button {button + 1} of 4" in read(), f"button {button + 1} to be asked for")  # noqa: B023
        pads.say(f"99 {note} 50", f"89 {note} 00")
    wait_for(lambda: "button 4 of 4" in read(), "the last button to be asked for")
    os.write(terminal, b"\n")
    assert process.wait(60) == 0, read()
    settings = tomlkit.parse((tmp_path / "settings.toml").read_text()).unwrap()
    assert settings["midi"] == {"pads:out": {"notes": [0x24, 0x30, 0x2B]}} and settings["play"]["midi_in"] == [
        "pads:out"
    ]
    with player(environment, tmp_path, toy_model):
        pads.say("99 2b 33", "99 3c 33", "99 24 44")
        wait_for(lambda: len(heard()) >= 2, "two notes")
        assert heard()[-2:] == [on(2, 0x33), on(0, 0x44)]


@pytest.mark.parametrize(("what", "by"), [("midi", "Ctrl-C"), ("gamepad", "Esc")])
def test_whoever_cancels_changes_nothing(environment, tmp_path, plug, what, by):
    pads = plug("pads")
    process, terminal, read = typed(environment, "map", what)
    wait_for(lambda: "button 1 of 8" in read(), "the first question")
    if what == "midi":
        pads.say("99 24 50")
        wait_for(lambda: "button 2 of 8" in read(), "the second")
    if by == "Esc":
        os.write(terminal, b"\x1b")
    else:
        process.send_signal(signal.SIGINT)
    assert process.wait(60) == 1, read()
    assert "nothing is changed" in read() and "Traceback" not in read()
    assert not (tmp_path / "settings.toml").exists()


def test_a_settings_file_that_is_wrong_is_said_before_anything_is_asked(environment, tmp_path):
    (tmp_path / "settings.toml").write_text("[midi.pads]\nnotes = [36, 200]\n")
    process, _terminal, read = typed(environment, "map", "midi")
    assert process.wait(60) == 2
    assert "settings.toml: line 2: midi.pads.notes" in read().replace("\r\n", "")
