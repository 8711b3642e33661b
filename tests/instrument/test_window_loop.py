"""The window's loop on SDL's dummy display: events in, hands moved; how it ends."""

import gc
import sys
import time

import pygame
import pytest

from pianogenie.errors import UserError
from pianogenie.events import Pedal, Press, Release
from pianogenie.inputs.hands import Hands
from pianogenie.window.stage import Stage, StageOutput
from pianogenie.window.window import run_window


@pytest.fixture
def dummy_display(monkeypatch):
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")


class Play:
    """Runs a window and posts events to it, one list a turn of its loop."""

    def __init__(self, turns, num_buttons=8):
        self.events = []
        self._turns = list(turns)
        self._at = time.perf_counter() + 20
        with Stage.create(num_buttons) as stage:
            output = StageOutput(stage)

            def play(event):
                self.events.append(event)
                output.witness(event)

            run_window(
                Hands(play, lambda: 0.0, num_buttons),
                output,
                num_buttons=num_buttons,
                status=lambda: "status",
                should_stop=self._next,
                size=(400, 300),
            )

    def _next(self):
        if not self._turns:
            return True
        assert time.perf_counter() < self._at, "the window does not end"
        for event in self._turns.pop(0):
            pygame.event.post(event)
        return False

    @property
    def said(self):
        return [(type(e).__name__, e.value if isinstance(e, Pedal) else e.button) for e in self.events]


def down(scancode, key=0):
    return pygame.event.Event(pygame.KEYDOWN, scancode=scancode, key=key)


def up(scancode):
    return pygame.event.Event(pygame.KEYUP, scancode=scancode, key=0)


@pytest.mark.usefixtures("dummy_display")
def test_events_of_one_turn_reach_the_hands_in_order():
    a, j, space = pygame.KSCAN_A, pygame.KSCAN_J, pygame.KSCAN_SPACE
    play = Play([[down(a), down(j), up(a), down(space), up(space), up(j)], []])
    assert play.said == [
        ("Press", 0),
        ("Press", 4),
        ("Release", 0),
        ("Pedal", 127),
        ("Pedal", 0),
        ("Release", 4),
    ]


@pytest.mark.usefixtures("dummy_display")
@pytest.mark.parametrize("kind", [pygame.WINDOWFOCUSLOST, pygame.WINDOWMINIMIZED, pygame.WINDOWHIDDEN])
def test_when_the_window_loses_the_hands_nothing_stays_held(kind):
    play = Play(
        [[down(pygame.KSCAN_A), down(pygame.KSCAN_SPACE)], [pygame.event.Event(kind)], [], [down(pygame.KSCAN_A)]]
    )
    assert play.said == [
        ("Press", 0),
        ("Pedal", 127),
        ("Release", 0),
        ("Pedal", 0),
        ("Press", 0),
        ("Release", 0),
    ]


@pytest.mark.usefixtures("dummy_display")
@pytest.mark.parametrize(
    "ending",
    [
        down(pygame.KSCAN_ESCAPE, pygame.K_ESCAPE),
        pygame.event.Event(pygame.QUIT),
        pygame.event.Event(pygame.WINDOWCLOSE),
    ],
)
def test_it_ends_with_all_hands_up(ending):
    play = Play([[down(pygame.KSCAN_1), ending, down(pygame.KSCAN_2)]] + [[]] * 1000)
    assert play.events == [Press(0, 0.0), Release(0, 0.0)]
    assert not pygame.display.get_init()


@pytest.mark.usefixtures("dummy_display")
def test_an_exception_lets_the_hands_go_and_leaves_the_interpreter_as_it_was():
    events = []
    interval = sys.getswitchinterval()

    def play(event):
        events.append(event)
        if event == Press(1, 0.0):
            raise RuntimeError("out of strings")

    turns = iter([down(pygame.KSCAN_1), down(pygame.KSCAN_2)])

    def post():
        pygame.event.post(next(turns))
        return False

    with Stage.create(8) as stage, pytest.raises(RuntimeError, match="strings"):
        run_window(Hands(play, lambda: 0.0, 8), stage, num_buttons=8, should_stop=post, size=(400, 300))
    assert Release(0, 0.0) in events
    assert gc.isenabled() and gc.get_freeze_count() == 0
    assert sys.getswitchinterval() == interval


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere there is always a display to try")
def test_without_a_display_it_says_so(monkeypatch):
    for name in ("SDL_VIDEODRIVER", "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    with Stage.create(8) as stage, pytest.raises(UserError, match="no display"):
        run_window(Hands(lambda event: None, lambda: 0.0, 8), stage, num_buttons=8)


def test_a_display_that_does_not_answer_is_a_clear_error(monkeypatch):
    monkeypatch.setenv("SDL_VIDEODRIVER", "there-is-no-such-driver")
    with Stage.create(8) as stage, pytest.raises(UserError, match="no display .*there-is-no-such-driver"):
        run_window(Hands(lambda event: None, lambda: 0.0, 8), stage, num_buttons=8)
