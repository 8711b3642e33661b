"""Playing in a terminal: a pseudo-terminal types, the recording tells what was played."""

import contextlib
import os
import pty
import re
import signal
import subprocess
import termios
import time

import mido
import pytest

from tests.e2e.programs import PIANOGENIE, quiet_environment, wait_for
from tests.toymodel import button_key


@pytest.fixture
def terminal(tmp_path, toy_model):
    """Starts `pianogenie play` on a pseudo-terminal; gives (type, read, process) for it."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*PIANOGENIE, "play", "--no-sound", "--model", str(toy_model), "--record", str(tmp_path / "music")],
        env=quiet_environment(tmp_path, TERM="xterm-256color"),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    os.set_blocking(ours, False)
    shown = []

    def read() -> str:
        try:
            shown.append(os.read(ours, 65536).decode(errors="replace"))
        except OSError:  # nothing new, or the other end is closed
            pass
        return "".join(shown)

    def type_(text: str) -> None:
        os.write(ours, text.encode())

    wait_for(lambda: "Esc quits" in read(), "the terminal's greeting")
    yield type_, read, process
    if process.poll() is None:
        process.kill()
    process.wait()
    os.close(ours)


def ends(process, read):
    """Wait for the program's end, reading on: it would wait for a terminal that is full."""
    wait_for(lambda: (read(), process.poll() is not None)[1], "its end")


def notes(folder):
    """(pitch, start, end) of each note of the one recording in a folder."""
    (path,) = folder.glob("*.mid")
    now, starts, found = 0.0, {}, []
    for message in mido.MidiFile(path):
        now += message.time
        if message.type == "note_on":
            starts[message.note] = now
        elif message.type == "note_off":
            found.append((message.note, starts.pop(message.note), now))
    assert not starts
    return found


def test_typed_keys_play_and_esc_quits(terminal, tmp_path):
    type_, read, process = terminal
    for key in "1a3;":  # digits and the home row: buttons 0, 0, 2, 7
        type_(key)
        time.sleep(0.15)
        read()
    time.sleep(0.8)
    type_("\x1b")
    ends(process, read)
    assert process.returncode == 0, read()
    played = notes(tmp_path / "music")
    assert [note - 21 for note, _, _ in played] == [button_key(b) for b in (0, 0, 2, 7)]
    lengths = [end - start for _, start, end in played]
    assert lengths[:3] == pytest.approx([0.15] * 3, abs=0.12), "a note lasts until the next"
    assert lengths[3] == pytest.approx(0.4, abs=0.15), "or for 0.4 s"
    assert re.search(r"[A-G][♯♭]?\d", read()), "the line names the note"


def test_ctrl_s_holds_nothing_up(terminal, tmp_path):
    type_, read, process = terminal
    type_("\x131")
    time.sleep(1.0)
    type_("\x1b")
    ends(process, read)
    ((_, start, end),) = notes(tmp_path / "music")
    assert end - start == pytest.approx(0.4, abs=0.15)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGQUIT, signal.SIGTERM])
def test_signals_end_it_well(terminal, tmp_path, number):
    type_, read, process = terminal
    type_(" 5")
    time.sleep(0.3)
    os.killpg(process.pid, number)
    ends(process, read)
    assert process.returncode == 0 and "Traceback" not in read()
    assert len(notes(tmp_path / "music")) == 1
    (path,) = (tmp_path / "music").glob("*.mid")
    pedals = [m.value for m in mido.MidiFile(path) if m.type == "control_change"]
    assert pedals == [127, 0]


def test_it_does_not_play_where_it_can_be_typed_to_but_not_be_seen(tmp_path, toy_model):
    ours, theirs = pty.openpty()
    result = subprocess.run(
        [*PIANOGENIE, "play", "--terminal", "--model", str(toy_model)],
        env=quiet_environment(tmp_path, TERM="xterm-256color"),
        stdin=theirs,
        capture_output=True,
        text=True,
        timeout=60,
    )
    os.close(ours)
    os.close(theirs)
    assert result.returncode == 2 and "--terminal" in result.stderr and "Traceback" not in result.stderr


def test_ctrl_z_lets_go_before_it_suspends_and_play_goes_on_afterwards(terminal, tmp_path):
    type_, read, process = terminal
    for _ in range(2):
        type_("1")
        wait_for(lambda: (read(), list((tmp_path / "music").glob("*.journal")))[1], "a note")
        os.kill(process.pid, signal.SIGTSTP)
        wait_for(lambda: os.waitpid(process.pid, os.WUNTRACED | os.WNOHANG)[1], "its suspension")
        (journal,) = (tmp_path / "music").glob("*.journal")
        time.sleep(1)  # it does not play on meanwhile
        os.kill(process.pid, signal.SIGCONT)
    type_("2")
    time.sleep(1)
    type_("\x1b")
    ends(process, read)
    assert process.returncode == 0, read()
    played = notes(tmp_path / "music")
    assert [note - 21 for note, _, _ in played] == [button_key(b) for b in (0, 0, 1)]
    assert all(end - start < 0.8 for _, start, end in played), f"none sounded while it was suspended: {played}"
    assert journal.with_suffix(".mid").exists()


def test_backspace_silences_everything(terminal, tmp_path):
    type_, read, process = terminal
    type_(" 1\x7f")
    time.sleep(0.2)
    type_("2\x1b")
    ends(process, read)
    (path,) = (tmp_path / "music").glob("*.mid")
    kinds = [m.type for m in mido.MidiFile(path) if not m.is_meta and m.type != "program_change"]
    assert kinds[:4] == ["control_change", "note_on", "note_off", "control_change"]
    assert len(notes(tmp_path / "music")) == 2


def test_the_pedal_that_a_panic_has_put_up_goes_down_at_the_next_space(terminal, tmp_path):
    type_, read, process = terminal
    type_(" ")
    time.sleep(0.3)
    process.send_signal(signal.SIGUSR1)
    time.sleep(0.3)
    type_(" ")
    time.sleep(0.3)
    type_("1\x1b")
    ends(process, read)
    (path,) = (tmp_path / "music").glob("*.mid")
    pedals = [m.value for m in mido.MidiFile(path) if m.type == "control_change"]
    assert pedals == [127, 0, 127, 0]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_while_a_controller_is_taught_gives_the_terminal_back(tmp_path, number):
    ours, theirs = pty.openpty()
    before = termios.tcgetattr(theirs)
    process = subprocess.Popen(
        [*PIANOGENIE, "map", "gamepad"],
        env=quiet_environment(tmp_path, TERM="xterm-256color"),
        stdin=theirs,
        stdout=theirs,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    os.set_blocking(ours, False)
    shown = []

    def asks() -> bool:
        with contextlib.suppress(OSError):
            shown.append(os.read(ours, 65536))
        return termios.tcgetattr(theirs) != before and any(shown)

    wait_for(asks, "its question")
    process.send_signal(number)
    assert process.wait(20) == 128 + number
    assert termios.tcgetattr(theirs) == before
    os.close(ours)
    os.close(theirs)
