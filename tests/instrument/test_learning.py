"""Teaching the instrument controllers that it does not know."""

import queue

import pygame
import pytest

from pianogenie.inputs.asking import Cancelled
from pianogenie.inputs.gamepad_loop import start_no_display
from pianogenie.inputs.learn_gamepad import learn_gamepad
from pianogenie.inputs.learn_midi import NoteListener, learn_midi
from pianogenie.inputs.virtual_pad import JOYSTICK, VirtualPad
from pianogenie.midi_ports import Port

SKIP, CANCEL = "skip", "cancel"


class Person:
    """Answers each question with the moves that are listed for it, one a look; then keeps still."""

    def __init__(self, *answers):
        self._answers = list(answers)
        self._moves = []
        self._looks = 0
        self.said = []

    def say(self, text):
        self.said.append(text)
        if not text.startswith((" ", "(", "Press", "Listening")):
            self._moves += self._answers.pop(0) if self._answers else []

    def answer(self):
        self._looks += 1
        assert self._looks < 3000, f"asked for ever: {self.said}"
        if not self._moves:
            pygame.time.wait(1)
            return None
        move = self._moves.pop(0)
        return move if isinstance(move, str) else move()


@pytest.fixture
def pads():
    """Makes virtual pads that SDL knows nothing of: 6 axes, 12 buttons, 1 hat."""
    start_no_display()
    pygame.joystick.init()
    made = []

    def make():
        made.append(VirtualPad(JOYSTICK, axes=6, buttons=12, hats=1))
        made[-1].axis(5, -1.0)
        return made[-1]

    yield make
    for pad in made:
        pad.pull()
    pygame.joystick.quit()
    pygame.display.quit()


def tap(pad, number):
    return [lambda: pad.button(number, True), lambda: pad.button(number, False)]


def push(pad, axis, to, rest=0.0):
    return [lambda: pad.axis(axis, to / 2), lambda: pad.axis(axis, to), lambda: pad.axis(axis, rest)]


def flick(pad, *ways):
    return [lambda way=way: pad.hat(0, way) for way in (*ways, 0)]


def test_every_kind_of_part_is_learnt_by_pressing_it(pads):
    pad = pads()
    person = Person(
        *(flick(pad, 8), flick(pad, 12, 4), push(pad, 0, -1.0), push(pad, 0, 0.9), push(pad, 1, 1.0), tap(pad, 3)),
        *(tap(pad, 7), tap(pad, 0), push(pad, 5, 1.0, rest=-1.0), [SKIP], tap(pad, 4), tap(pad, 6)),
    )
    learnt = learn_gamepad(person, 8)
    assert learnt.parts == {
        "buttons": ["h0.8", "h0.4", "-a0", "+a0", "+a1", "b3", "b7", "b0"],
        "pedal": ["a5"],
        "louder": [],
        "softer": ["b4"],
        "panic": ["b6"],
    }
    assert learnt.name and len(learnt.guid) == 32


def test_what_is_taken_already_is_asked_for_again(pads):
    pad = pads()
    person = Person(tap(pad, 2), tap(pad, 2) + tap(pad, 5), [SKIP], *[[SKIP]] * 4)
    assert learn_gamepad(person, 3).parts["buttons"] == ["b2", "b5"]
    assert any("button 1 already" in line for line in person.said)


def test_two_parts_pressed_together_are_not_two_answers(pads):
    pad = pads()
    both = [lambda: pad.button(1, True), lambda: pad.button(2, True), *tap(pad, 1), *tap(pad, 2)]
    person = Person(both, tap(pad, 2), *[[SKIP]] * 4)
    assert learn_gamepad(person, 2).parts["buttons"] == ["b1", "b2"]


def test_a_trigger_that_is_button_and_axis_is_learnt_as_the_axis_for_the_pedal(pads):
    pad = pads()
    trigger = [lambda: pad.button(9, True), lambda: pad.axis(5, 1.0), lambda: pad.axis(5, -1.0), *tap(pad, 9)]
    assert learn_gamepad(Person(tap(pad, 0), trigger, *[[SKIP]] * 3), 1).parts["pedal"] == ["a5"]


def test_of_several_pads_the_one_that_is_touched_first_is_learnt_alone(pads):
    one, two = pads(), pads()
    person = Person(tap(two, 4), tap(one, 1) + tap(two, 3), *[[SKIP]] * 4)
    assert learn_gamepad(person, 2).parts["buttons"] == ["b4", "b3"]


def test_a_pad_may_be_plugged_in_when_it_is_asked_for(pads):
    made = []
    person = Person(
        [lambda: made.append(pads())],  # to "Plug in a gamepad"
        [lambda: None] * 3 + [lambda: made[0].button(8, True), lambda: made[0].button(8, False)],
        *[[SKIP]] * 4,
    )
    assert learn_gamepad(person, 1).parts["buttons"] == ["b8"]


def test_cancelling_and_pulling_the_pad_out_learn_nothing(pads):
    pad = pads()
    with pytest.raises(Cancelled):
        learn_gamepad(Person(tap(pad, 0), [CANCEL]), 8)
    other = VirtualPad(JOYSTICK, axes=0, buttons=4, hats=0)
    with pytest.raises(Cancelled):
        learn_gamepad(Person(tap(other, 0), [other.pull]), 8)


KEYS, PADS = Port(0, 0, "Keys"), Port(0, 1, "Pads")


def strike(heard, port, note):
    return [lambda: heard.put((port, note))]


def test_each_pad_is_learnt_by_striking_it_and_other_controllers_are_left_alone():
    heard = queue.SimpleQueue()
    person = Person(
        strike(heard, PADS, 40),
        strike(heard, KEYS, 60) + strike(heard, PADS, 40) + strike(heard, PADS, 36),
        strike(heard, PADS, 99),
    )
    assert learn_midi(person, 3, heard) == (PADS, [40, 36, 99])
    assert any("button 1 already" in line for line in person.said)


def test_enter_ends_the_list_of_pads_and_escape_forgets_it():
    heard = queue.SimpleQueue()
    assert learn_midi(Person(strike(heard, PADS, 5), [SKIP]), 8, heard) == (PADS, [5])
    with pytest.raises(Cancelled):
        learn_midi(Person(strike(heard, PADS, 5), [CANCEL]), 8, heard)


def test_only_notes_that_begin_are_heard():
    heard = []
    listener = NoteListener(PADS, heard.append)
    for message in ([0x90, 60, 1], [0x90, 61, 0], [0x80, 62, 9], [0xB0, 64, 127], [0xF8], [0x99, 36, 127]):
        listener((message, 0.0))
    assert heard == [(PADS, 60), (PADS, 36)]
