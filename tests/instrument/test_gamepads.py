"""Gamepads, through SDL's own virtual pads: what thumbs do becomes what hands do."""

import threading
import time

import pygame
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from pianogenie.cli import cli
from pianogenie.events import Pedal, Press, Release
from pianogenie.inputs.gamepad_loop import GamepadThread, run_gamepads, start_no_display
from pianogenie.inputs.gamepads import Gamepads
from pianogenie.inputs.hands import Hands
from pianogenie.inputs.pad import Pad
from pianogenie.inputs.pad_elements import parse_element
from pianogenie.inputs.pad_layout import layout_of_learnt
from pianogenie.inputs.virtual_pad import JOYSTICK, VirtualPad
from pianogenie.settings import Gamepad

A, B, X, Y, BACK, GUIDE, START, LEFT_STICK, RIGHT_STICK, LB, RB, UP, DOWN, LEFT, RIGHT = range(15)
LT, RT = 4, 5


class Player:
    """Plays virtual pads on a loop without a window, one step a turn of the loop, and keeps what hands did."""

    def __init__(self, *steps, num_buttons=8, learnt=None):
        self.events, self.announced, self.panics = [], [], []
        self._steps = list(steps)
        self._by = time.perf_counter() + 20
        hands = Hands(self.events.append, lambda: 0.0, num_buttons, self.panics.append)
        self.gamepads = Gamepads(hands, learnt or {}, self.announced.append)
        run_gamepads(self.gamepads, lambda: not self._steps, self._next)

    def _next(self):
        assert time.perf_counter() < self._by, "the loop does not end"
        self._steps.pop(0)()

    @property
    def said(self):
        return [(type(e).__name__, e.value if isinstance(e, Pedal) else e.button) for e in self.events]


class Pads:
    """Steps that plug, move and pull virtual pads by name."""

    def __init__(self):
        self.here = {}

    def plug(self, name="pad", **kind):
        return lambda: self.here.update({name: VirtualPad(**kind)})

    def pull(self, name="pad"):
        return lambda: self.here.pop(name).pull()

    def button(self, number, down=True, name="pad"):
        return lambda: self.here[name].button(number, down)

    def axis(self, number, value, name="pad"):
        return lambda: self.here[name].axis(number, value)

    def hat(self, ways, name="pad"):
        return lambda: self.here[name].hat(0, ways)

    def tap(self, number, name="pad"):
        return [self.button(number, True, name), self.button(number, False, name)]


@pytest.fixture
def pads():
    pads = Pads()
    yield pads
    if pygame.joystick.get_init():
        for pad in pads.here.values():
            pad.pull()


def nothing():
    pass


def pressed(pads, order, num_buttons):
    taps = [step for part in order for step in pads.tap(part)]
    player = Player(pads.plug(), *taps, nothing, pads.pull(), nothing, num_buttons=num_buttons)
    return [e.button for e in player.events if isinstance(e, Press)]


@pytest.mark.parametrize(
    ("num_buttons", "order"),
    [
        (2, [LEFT, B]),
        (4, [LEFT, RIGHT, X, B]),
        (5, [LEFT, UP, RIGHT, X, B]),
        (6, [LEFT, UP, RIGHT, X, Y, B]),
        (7, [LEFT, DOWN, UP, RIGHT, X, Y, B]),
        (8, [LEFT, DOWN, UP, RIGHT, X, A, Y, B]),
        (9, [LB, LEFT, DOWN, UP, RIGHT, X, A, Y, B]),
        (10, [LB, LEFT, DOWN, UP, RIGHT, X, A, Y, B, RB]),
    ],
)
def test_the_buttons_rise_from_left_to_right_across_both_hands(pads, num_buttons, order):
    assert pressed(pads, order, num_buttons) == list(range(num_buttons))


def test_what_is_held_sounds_until_it_is_let_go(pads):
    player = Player(
        pads.plug(), pads.button(LEFT), pads.button(B), pads.button(LEFT, False), pads.button(B, False), nothing
    )
    assert player.said == [("Press", 0), ("Press", 7), ("Release", 0), ("Release", 7)]
    assert player.events[0].velocity is None, "so that the genie may choose"


def test_the_right_trigger_is_a_pedal_with_everything_between_up_and_down(pads):
    ways = [-1 + i / 50 for i in range(101)]
    player = Player(pads.plug(), *(pads.axis(RT, way) for way in ways), pads.axis(RT, 0.01), pads.axis(RT, -1), nothing)
    values = [e.value for e in player.events]
    assert values[:-2] == sorted(set(values[:-2])) and values[0] <= 3 and values[-3] == 127
    assert len(values) > 80, "half-pedal"
    assert values[-2] == 64 and values[-1] == 0


def test_a_trembling_trigger_says_nothing_new(pads):
    trembling = [pads.axis(RT, 0.1 + (i % 2) * 0.004) for i in range(20)]
    player = Player(pads.plug(), pads.axis(RT, 0.1), *trembling, nothing)
    assert len([e for e in player.events if isinstance(e, Pedal)]) == 2  # down, and up at the end


def test_the_right_shoulder_is_the_whole_pedal(pads):
    player = Player(pads.plug(), pads.button(RB), pads.button(RB, False), nothing)
    assert player.said == [("Pedal", 127), ("Pedal", 0)]


def test_the_left_hand_sets_how_loud_the_next_press_is(pads):
    player = Player(
        *(pads.plug(), pads.axis(LT, 0.0), *pads.tap(A), pads.axis(LT, 1.0), *pads.tap(A)),
        *(pads.axis(LT, -1.0), *pads.tap(A), pads.button(LB), *pads.tap(A), pads.button(LB, False), *pads.tap(A)),
        nothing,
    )
    half, full, none, soft, again = [e.velocity for e in player.events if isinstance(e, Press)]
    assert none is None and again is None
    assert 1 <= soft < half < full <= 127


def test_back_is_a_panic_and_what_is_held_does_nothing_more(pads):
    player = Player(
        pads.plug(), pads.button(A), pads.button(BACK), pads.button(A, False), pads.button(BACK, False), nothing
    )
    assert player.said == [("Press", 5)] and len(player.panics) == 1


def test_pulled_out_it_lets_go_and_plugged_in_again_it_plays(pads):
    player = Player(
        *(pads.plug(), pads.button(A), pads.button(X), pads.axis(RT, 1.0), pads.pull()),
        *(nothing, pads.plug(), *pads.tap(B), nothing),
    )
    let_go = player.said[3:6]
    assert player.said[:3] == [("Press", 5), ("Press", 4), ("Pedal", 127)]
    assert sorted(let_go) == [("Pedal", 0), ("Release", 4), ("Release", 5)]
    assert player.said[6:] == [("Press", 7), ("Release", 7)]
    assert len(player.announced) == 3 and player.announced[1].startswith("lost ")


def test_several_pads_play_apart_and_one_that_leaves_takes_only_its_own(pads):
    player = Player(
        *(pads.plug("one"), pads.plug("two"), pads.button(A, True, "one"), pads.button(A, True, "two")),
        *(pads.button(B, True, "two"), pads.pull("one"), nothing, pads.button(A, False, "two"), nothing),
    )
    assert player.said == [("Press", 5), ("Press", 5), ("Press", 7), ("Release", 5), ("Release", 7)]


def test_a_pad_that_sdl_does_not_know_plays_in_the_order_of_its_buttons(pads):
    steps = [step for number in range(10) for step in pads.tap(number)]
    player = Player(pads.plug(kind=JOYSTICK, axes=2, buttons=10, hats=0), *steps, nothing)
    assert [e.button for e in player.events if isinstance(e, Press)] == list(range(8))
    assert "map gamepad" in player.announced[0]


TAUGHT = Gamepad(
    buttons=("h0.8", "h0.4", "-a0", "+a0", "a2", "b9", "b1", "b0"), pedal=("a3~",), louder=("+a1",), panic=("b7",)
)


@pytest.mark.parametrize("by", ["name", "guid"])
def test_what_was_taught_comes_before_what_sdl_knows(pads, by):
    name, guid = [], []

    def look():
        joystick = pygame.joystick.Joystick(0)
        name.append(joystick.get_name())
        guid.append(joystick.get_guid())

    Player(pads.plug(), look, pads.pull(), nothing)
    learnt = {name[0]: TAUGHT} if by == "name" else {"mine": Gamepad(**{**vars(TAUGHT), "guid": guid[0]})}
    player = Player(
        *(pads.plug(), pads.hat(8), pads.hat(12), pads.hat(0)),
        *(pads.axis(0, -0.9), pads.axis(0, 0.9), pads.axis(0, 0.0), pads.axis(2, -1.0), pads.axis(2, 1.0)),
        *(pads.axis(3, 1.0), pads.axis(3, -1.0), pads.axis(3, 1.0), pads.axis(1, 1.0), *pads.tap(0), pads.button(7)),
        nothing,
        learnt=learnt,
    )
    presses = [(e.button, e.velocity) for e in player.events if isinstance(e, Press)]
    assert [button for button, _ in presses] == [0, 1, 2, 3, 4, 7] and presses[-1][1] == 120
    assert [e.value for e in player.events if isinstance(e, Pedal)] == [127, 0] and len(player.panics) == 1


def test_a_thumb_that_hardly_moves_an_axis_does_not_play(pads):
    learnt = {"taught": Gamepad(buttons=("+a0",))}

    def name():
        learnt[pygame.joystick.Joystick(0).get_name()] = learnt["taught"]

    Player(pads.plug(), name, pads.pull(), nothing)
    trembling = [pads.axis(0, 0.5 + 0.05 * (-1) ** i) for i in range(12)]
    player = Player(pads.plug(), pads.axis(0, 0.3), *trembling, pads.axis(0, 0.0), nothing, learnt=learnt)
    assert player.said == [("Press", 0), ("Release", 0)]


def test_beside_a_terminal_pads_have_a_thread_of_their_own(pads):
    events, released = [], threading.Event()

    def play(event):
        events.append(event)
        if isinstance(event, Release):
            released.set()

    hands = Hands(play, lambda: 0.0, 8)
    thread = GamepadThread(Gamepads(hands, {}, lambda line: None))
    try:
        by = time.monotonic() + 10
        while not pygame.joystick.get_init() and time.monotonic() < by:
            time.sleep(0.01)
        pads.plug()()
        while "Virtual" not in thread.name and time.monotonic() < by:
            time.sleep(0.01)
        pads.button(A)()
        pads.button(A, False)()
        pads.button(A)()
        while not events and time.monotonic() < by:
            time.sleep(0.01)
        pads.button(A, False)()
        assert released.wait(10)
    finally:
        thread.close()
    assert isinstance(events[0], Press) and isinstance(events[-1], Release)
    pads.here.clear()  # SDL took it with its joysticks


NAMES = st.one_of(
    st.integers(0, 3).map("b{}".format),
    st.tuples(st.integers(0, 1), st.sampled_from([1, 2, 4, 8])).map(lambda h: "h{}.{}".format(*h)),
    st.tuples(st.sampled_from(["+", "-", ""]), st.integers(0, 2), st.sampled_from(["", "~"])).map(
        lambda a: "{}a{}{}".format(*a)
    ),
)
LAYOUTS = st.builds(
    Gamepad,
    buttons=st.lists(NAMES, max_size=10).map(tuple),
    **{role: st.lists(NAMES, max_size=2).map(tuple) for role in ("pedal", "louder", "softer", "panic")},
)
WAYS = st.tuples(st.integers(-1, 1), st.integers(-1, 1))
MOVES = st.one_of(
    st.tuples(st.tuples(st.just("b"), st.integers(0, 3)), st.booleans()),
    st.tuples(st.tuples(st.just("h"), st.integers(0, 1)), WAYS),
    st.tuples(st.tuples(st.just("a"), st.integers(0, 2)), st.floats(-1, 1)),
    st.just("pulled out"),
)


@given(LAYOUTS, st.lists(MOVES, max_size=60), st.integers(1, 10))
def test_whatever_thumbs_do_presses_and_releases_balance(learnt, moves, num_buttons):
    held, pedals = set(), [0]

    def play(event):
        if isinstance(event, Press):
            assert 0 <= event.button < num_buttons and event.velocity in (None, *range(1, 128))
            held.add(event.button)
        elif isinstance(event, Release):
            held.remove(event.button)
        else:
            assert 0 <= event.value <= 127 and event.value != pedals[-1]
            pedals.append(event.value)

    def panic(_time):
        held.clear()
        pedals.append(0)

    pad = Pad(Hands(play, lambda: 0.0, num_buttons, panic), ("gamepad", 0), layout_of_learnt(learnt))
    for move in [*moves, "pulled out"]:
        if move == "pulled out":
            pad.let_go()
            assert not held and pedals[-1] == 0
        else:
            pad.move(*move)


@given(NAMES, st.floats(-1, 1))
def test_how_deep_a_part_is_lies_between_up_and_down(name, value):
    element = parse_element(name)
    ends = {"b": (False, True), "h": ((0, 0), (1, 1)), "a": (-1.0, 1.0)}[element.part[0]]
    assert 0 <= element.depth(value if element.part[0] == "a" else ends[1]) <= 1
    reached = {element.depth(end) for end in [*ends, (-1, -1)] if isinstance(end, type(ends[0]))}
    assert 1.0 in reached and min(reached) == 0.0


@pytest.mark.parametrize("name", ["", "x1", "b", "h0.3", "h0.16", "a", "++a1", "a1~~", "b1 ", "b\u0661"])
def test_what_names_no_part_is_refused(name):
    with pytest.raises(ValueError, match="part of a gamepad"):
        parse_element(name)


def test_devices_lists_pads_and_says_which_are_not_known():
    start_no_display()
    pygame.joystick.init()
    known, unknown = VirtualPad(), VirtualPad(JOYSTICK, axes=2, buttons=4, hats=0)
    try:
        listed = CliRunner().invoke(cli, ["devices"]).output.split("Gamepads")[1].splitlines()
    finally:
        pygame.joystick.init()
        pygame.display.quit()
    assert [("map gamepad" in line) for line in listed[1:3]] == [False, True]
    del known, unknown
