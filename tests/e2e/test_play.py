"""The instrument as a person has it: a window, computer keys, a recording of what was played."""

import os
import signal
import time

import numpy as np
import pytest
from PIL import ImageGrab

from pianogenie.performance import load_performance
from tests.e2e.programs import PIANOGENIE, need, quiet_environment, running, stop, wait_for, xdotool, xvfb
from tests.e2e.test_terminal import notes
from tests.toymodel import button_key


@pytest.fixture(scope="module")
def display():
    with xvfb() as name:
        yield name


@pytest.fixture
def window(display, tmp_path, toy_model):
    """`pianogenie play` in a window that has the keyboard; gives its process."""
    environment = quiet_environment(tmp_path, DISPLAY=display, SDL_AUDIODRIVER="dummy")
    command = [*PIANOGENIE, "play", "--model", str(toy_model), "--record", str(tmp_path / "music")]
    with running(command, env=environment) as process:
        found = wait_for(lambda: find_window(display, process), "the window")
        xdotool(display, "windowfocus", "--sync", found)
        wait_for(lambda: screenshot(display).max() > 150, "the first picture")
        yield process


def find_window(display, process):
    if process.poll() is not None:
        pytest.fail(f"ended at once: {process.communicate()[1]}")
    try:
        return xdotool(display, "search", "--onlyvisible", "--name", "^Pianogenie").split()[0]
    except Exception:  # xdotool exits with 1 while there is none
        return None


def screenshot(display):
    """The whole screen as an array [height, width, 3]."""
    return np.asarray(ImageGrab.grab(xdisplay=display).convert("RGB"), dtype=int)


def changes(display, before):
    """The rows and columns [2, n] of the pixels that differ clearly from an earlier screenshot."""
    return np.stack(np.nonzero(np.abs(screenshot(display) - before).sum(axis=2) > 60))


def _spread(rows):
    return int(rows.max() - rows.min()) if len(rows) > 2000 else 0


def test_keys_sound_for_as_long_as_they_are_held_and_are_seen(display, window, tmp_path):
    idle = screenshot(display)
    held = []
    for button in range(8):
        xdotool(display, "keydown", str(button + 1))
        start = time.monotonic()
        time.sleep(0.1 + 0.1 * (button % 4))
        if button == 3:
            # The button, its key and its ribbon: all over the window.
            wait_for(lambda: _spread(changes(display, idle)[0]) > 200, "a held button to be seen")
        xdotool(display, "keyup", str(button + 1))
        held.append(time.monotonic() - start)
    xdotool(display, "key", "Escape")
    window.wait(10)
    assert window.returncode == 0
    played = notes(tmp_path / "music")
    assert [pitch - 21 for pitch, _, _ in played] == [button_key(b) for b in range(8)]
    assert [end - start for _, start, end in played] == pytest.approx(held, abs=0.1)


def test_the_home_row_several_at_once_and_the_pedal(display, window, tmp_path):
    xdotool(display, "keydown", "a", "sleep", "0.1", "keydown", "j", "sleep", "0.1", "keydown", "space")
    time.sleep(0.1)
    xdotool(display, "keyup", "a", "sleep", "0.1", "keyup", "j", "sleep", "0.1", "keyup", "space")
    time.sleep(0.2)
    stop(window, signal.SIGTERM)
    assert window.returncode == 0
    (first, start, end), (second, later, last) = sorted(notes(tmp_path / "music"), key=lambda n: n[1])
    assert (first - 21, second - 21) == (button_key(0), button_key(4))
    assert start < later < end < last, "they sounded together"
    (path,) = (tmp_path / "music").glob("*.json")
    kinds = [type(e).__name__ for e in load_performance(path).events]
    assert kinds == ["Press", "Press", "Pedal", "Release", "Release", "Pedal"]


def test_a_click_on_a_button_plays_and_a_key_held_at_the_end_is_let_go(display, window, tmp_path):
    width, height = 1280, 720
    geometry = xdotool(display, "getwindowgeometry", "--shell", find_window(display, window))
    place = dict(line.split("=") for line in geometry.split() if "=" in line)
    # Low in the window, a little left of its middle: the fourth button's.
    x, y = int(place["X"]) + int(width * 0.44), int(place["Y"]) + int(height * 0.86)
    xdotool(display, "mousemove", str(x), str(y), "mousedown", "1", "sleep", "0.3", "mouseup", "1")
    xdotool(display, "keydown", "8")
    time.sleep(0.3)
    stop(window, signal.SIGHUP)
    xdotool(display, "keyup", "8")
    assert window.returncode == 0
    played = notes(tmp_path / "music")
    assert [pitch - 21 for pitch, _, _ in played] == [button_key(3), button_key(7)]
    (path,) = (tmp_path / "music").glob("*.json")
    assert 1 <= load_performance(path).events[0].velocity <= 127, "where a button is hit decides how loud"


def test_a_display_that_goes_away_leaves_no_note_sounding_and_the_recording_whole(tmp_path, toy_model):
    """Xlib would end the process where it stands."""
    need("Xvfb", "xdotool")
    read, write = os.pipe()
    server_command = ["Xvfb", "-displayfd", str(write), "-screen", "0", "1280x800x24", "-nolisten", "tcp", "-noreset"]
    with running(server_command, pass_fds=[write]) as server:
        os.close(write)
        with os.fdopen(read) as answer:
            display = f":{answer.readline().strip()}"
        command = [*PIANOGENIE, "play", "--model", str(toy_model), "--record", str(tmp_path / "music")]
        with running(command, env=quiet_environment(tmp_path, DISPLAY=display, SDL_AUDIODRIVER="dummy")) as process:
            xdotool(display, "windowfocus", "--sync", wait_for(lambda: find_window(display, process), "the window"))
            time.sleep(0.5)
            xdotool(display, "keydown", "3")
            time.sleep(0.5)
            server.kill()
            _, errors = process.communicate(timeout=15)
    assert process.returncode == 2 and "the display went away" in errors and "Traceback" not in errors
    assert [pitch - 21 for pitch, _, _ in notes(tmp_path / "music")] == [button_key(2)]
