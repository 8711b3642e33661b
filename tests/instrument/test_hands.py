"""Many devices, one player."""

import threading

from hypothesis import given
from hypothesis import strategies as st

from pianogenie.events import Pedal, Press, Release
from pianogenie.inputs.hands import Hands


class Log:
    def __init__(self, num_buttons=8):
        self.events = []
        self.now = 0.0
        self.hands = Hands(self.events.append, lambda: self.now, num_buttons)


def test_two_keys_of_one_button_play_twice_and_hold_until_both_are_up():
    log = Log()
    log.hands.down("1", 0)
    log.hands.down("a", 0)
    log.hands.up("1")
    assert [type(e) for e in log.events] == [Press, Press]
    log.hands.up("a")
    assert log.events[-1] == Release(0, 0.0)


def test_the_pedal_is_up_when_every_pedal_is():
    log = Log()
    log.hands.pedal("space", 127)
    log.hands.pedal("cc64", 90)
    log.hands.pedal("space", 0)
    log.hands.pedal("cc64", 0)
    assert [e.value for e in log.events] == [127, 90, 0]


def test_what_is_not_there_is_ignored():
    log = Log(4)
    log.hands.down("x", 4)
    log.hands.up("x")
    log.hands.up("never")
    assert log.events == []


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 2), st.booleans()), max_size=40))
def test_after_all_up_nothing_is_held(moves):
    log = Log()
    for source, button, down in moves:
        if down:
            log.hands.down(source, button)
        else:
            log.hands.up(source)
    log.hands.pedal("p", 100)
    log.hands.all_up()
    held = set()
    for event in log.events:
        if isinstance(event, Press):
            held.add(event.button)
        elif isinstance(event, Release):
            held.remove(event.button)
    assert not held and [e for e in log.events if isinstance(e, Pedal)][-1].value == 0


def test_after_a_panic_what_was_held_counts_as_up():
    log, panics = Log(), []
    hands = Hands(log.events.append, lambda: log.now, 8, panics.append)
    hands.down("1", 0)
    hands.pedal("foot", 100)
    hands.panic()
    assert panics == [0.0]
    del log.events[:]
    hands.up("1")
    hands.down("a", 0)
    hands.up("a")
    hands.pedal("foot", 90)
    assert log.events == [Press(0, 0.0), Release(0, 0.0), Pedal(90, 0.0)]


def test_what_is_pressed_while_all_is_still_sounds_afterwards():
    log = Log()
    log.hands.down("1", 0)
    with log.hands.stilled():
        pressing = threading.Thread(target=log.hands.down, args=("2", 1))
        pressing.start()
        pressing.join(0.2)
        assert pressing.is_alive() and log.events == [Press(0, 0.0, None)]
        log.now = 5.0
    pressing.join(5)
    log.hands.up("1")
    assert log.events[1:] == [Press(1, 5.0, None)], "and what was held before counts as up"
