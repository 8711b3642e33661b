"""The window on a real X server: keys, focus, resizing, and a painter that dies.

The painter shows its pictures itself; where it does not get at the window, the window's own process shows them.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pygame
import pytest
from PIL import ImageGrab

from pianogenie.window.picture import paint_moment
from pianogenie.window.stage import Stage
from tests.e2e.programs import need, running, stop, wait_for, xdotool, xvfb


@pytest.fixture(scope="module")
def display():
    need("xdotool")
    with xvfb("1000x800x24") as name:
        yield name


@pytest.fixture(params=[True, False], ids=["painter shows", "window shows"])
def painter_shows(request):
    return request.param


class Player:
    """The program under test and what it said."""

    def __init__(self, process, display, heard: Path):
        self.process, self.display, self._heard = process, display, heard
        self.window = wait_for(self._find, "the window")
        xdotool(display, "windowmove", "--sync", self.window, "0", "0")
        xdotool(display, "windowfocus", "--sync", self.window)
        wait_for(lambda: self.screen()[:390, :600].max() > 150, "the first picture")

    def _find(self):
        assert self.process.poll() is None, self.process.communicate()
        try:
            return xdotool(self.display, "search", "--onlyvisible", "--class", "pianogenie").split()[0]
        except Exception:  # xdotool exits with 1 while there is none
            return None

    @property
    def said(self) -> list[str]:
        return [line for line in self._heard.read_text().splitlines() if not line.startswith(("stage", "pygame"))]

    def hears(self, *lines: str):
        wait_for(lambda: self.said[-len(lines) :] == list(lines), f"{lines}, heard {self.said}", 10)

    def pad(self, *lines: str):
        """Move the virtual gamepad, a line a move."""
        for line in lines:
            self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()

    def do(self, *words: str):
        xdotool(self.display, *words)

    def screen(self) -> np.ndarray:
        """The screen, [height, width, 3]; the window is at its upper left."""
        return np.asarray(ImageGrab.grab(xdisplay=self.display).convert("RGB"), dtype=int)

    def painter_shows(self) -> bool:
        stage = Stage.attach(self._heard.read_text().split()[1])
        try:
            return stage.painter_shows
        finally:
            stage.close()

    def painters(self) -> list[int]:
        """The ids of its children that paint: the ones that map the stage."""
        found = []
        for children in Path(f"/proc/{self.process.pid}/task").glob("*/children"):
            for pid in map(int, children.read_text().split()):
                with contextlib.suppress(OSError):
                    if "pianogenie-shared" in Path(f"/proc/{pid}/maps").read_text():
                        found.append(pid)
        return found


@contextlib.contextmanager
def a_player(display, folder, *options):
    heard = folder / "heard.txt"
    environment = {**os.environ, "DISPLAY": display, "XDG_RUNTIME_DIR": str(folder)}
    environment.pop("SDL_VIDEODRIVER", None)
    environment.pop("WAYLAND_DISPLAY", None)
    with (
        heard.open("w") as out,
        running(
            [sys.executable, "-m", "tests.e2e.window_player", *options],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=out,
        ) as process,
    ):
        yield Player(process, display, heard)


@pytest.fixture
def player(display, tmp_path):
    with a_player(display, tmp_path) as one:
        yield one


@pytest.fixture
def either_player(display, painter_shows, tmp_path):
    """One whose painter shows its pictures, or one whose window does."""
    with a_player(display, tmp_path, *([] if painter_shows else ["apart"])) as one:
        assert one.painter_shows() == painter_shows
        yield one


def test_held_keys_hold_and_their_repeats_are_not_heard(either_player):
    player = either_player
    before = player.screen()
    player.do("keydown", "a", "sleep", "0.05", "keydown", "8")
    time.sleep(1.2)  # the X server repeats keys after 0.66 s
    lit = player.screen()
    player.do("keyup", "a", "keyup", "8", "key", "space")
    player.hears("press 0", "press 7", "release 0", "release 7", "pedal 127", "pedal 0")
    changed = np.abs(lit - before)[:400, :640].sum(axis=2) > 60
    rows, columns = np.nonzero(changed)
    assert np.ptp(rows) > 200 and columns.min() < 80 and columns.max() > 560


def test_what_is_shown_is_what_is_painted(player):
    painted = pygame.surfarray.array3d(paint_moment([], 0.0, (640, 400))).swapaxes(0, 1)
    wait_for(lambda: np.array_equal(player.screen()[:400, :640], painted), "the picture at rest")


def test_a_window_that_was_hidden_is_filled_again(either_player):
    player = either_player
    before = wait_for(lambda: still(player.screen), "the picture at rest")[0]
    player.do("windowunmap", "--sync", player.window)
    wait_for(lambda: player.screen()[:400, :640].max() == 0, "nothing")
    player.do("windowmap", "--sync", player.window)
    wait_for(lambda: np.array_equal(player.screen(), before), "the same again")


def still(screen):
    before = screen()
    time.sleep(0.5)
    return [before] if np.array_equal(screen(), before) else None


def test_mouse_slides(player):
    player.do("mousemove", "--window", player.window, "45", "330", "mousedown", "1")
    player.hears("press 0")
    player.do("mousemove", "--window", player.window, "125", "330")
    player.hears("release 0", "press 1")
    player.do("mousemove", "--window", player.window, "125", "100", "mouseup", "1")
    player.hears("press 1", "release 1")


def test_losing_the_focus_lets_go(player):
    player.do("keydown", "d", "keydown", "space")
    player.hears("press 2", "pedal 127")
    player.do("windowunmap", player.window)
    player.hears("release 2", "pedal 0")
    player.do("keyup", "d", "keyup", "space")


def test_any_size_is_filled(either_player):
    player = either_player
    for width, height in ((900, 700), (340, 500), (640, 400)):
        player.do("windowsize", player.window, str(width), str(height))

        def filled(width=width, height=height):
            row = player.screen()[height - 60 : height - 30, :width].max(axis=(0, 2))
            return row[: width // 8].max() > 90 and row[-width // 8 :].max() > 90

        wait_for(filled, f"buttons over the whole width of {width} x {height}")
        player.do("key", "7")
        player.hears("press 6", "release 6")
    player.do("key", "Escape")
    player.process.wait(10)
    assert player.said[-1] == "end"


def test_a_painter_that_dies_is_replaced_once_and_the_music_goes_on(either_player):
    player = either_player
    (first,) = player.painters()
    os.kill(first, signal.SIGKILL)
    player.do("key", "1")
    player.hears("press 0", "release 0")
    (second,) = wait_for(lambda: [p for p in player.painters() if p != first], "another painter")
    before = player.screen()
    wait_for(lambda: player.do("key", "4") or np.abs(player.screen() - before).max() > 60, "it paints")
    os.kill(second, signal.SIGKILL)
    time.sleep(1.2)
    assert [p for p in player.painters() if p != second] == []
    player.do("key", "3")
    player.hears("press 2", "release 2")


def test_ctrl_c_at_any_time_ends_it_without_a_word(player):
    painters = player.painters()
    for pid in painters:
        os.kill(pid, signal.SIGINT)
    time.sleep(0.2)
    assert player.painters() == painters, "the painter leaves that to its parent"
    player.do("keydown", "f")
    player.hears("press 3")
    _, errors = stop(player.process, signal.SIGINT)
    player.do("keyup", "f")
    assert player.said[-2:] == ["release 3", "end"]
    assert "Traceback" not in errors and "leaked" not in errors


def test_a_killed_player_leaves_no_painter_and_no_memory(player):
    painters = player.painters()
    assert painters and not any("/dev/shm/" in Path(f"/proc/{pid}/maps").read_text() for pid in painters)
    player.process.kill()
    wait_for(lambda: not any(Path(f"/proc/{pid}").exists() for pid in painters), "the painter's end")


def test_a_gamepad_plays_without_the_focus_and_keeps_what_it_holds(player):
    player.pad("plug")
    player.hears("says Virtual Controller is there")
    player.pad("button 0 1")
    player.hears("press 5")
    player.do("keydown", "2")
    player.hears("press 1")
    player.do("windowunmap", player.window)
    player.hears("release 1")  # the key's, not the pad's
    player.pad("button 1 1")
    player.hears("press 7")
    player.pad("axis 5 1")
    player.hears("pedal 127")
    player.pad("pull")
    player.hears("says lost Virtual Controller; it plays again when it returns")
    assert sorted(player.said[-4:-1]) == ["pedal 0", "release 5", "release 7"]
    player.do("keyup", "2")


def test_keys_and_mouse_are_heard_while_the_wait_sleeps_on_a_pad_as_well(player):
    player.pad("file")
    player.hears("sleeps on a file")
    player.do("key", "1", "key", "8")
    player.hears("press 0", "release 0", "press 7", "release 7")
    time.sleep(0.5)  # nothing is shown any more, the wait is a long one
    player.do("keydown", "a", "mousemove", "--window", player.window, "125", "330", "click", "1", "keyup", "a")
    player.hears("press 0", "press 1", "release 1", "release 0")
    player.do("windowsize", player.window, "500", "450", "key", "2")
    player.hears("press 1", "release 1")
    player.do("key", "Escape")
    player.process.wait(20)
    assert player.said[-1] == "end"
