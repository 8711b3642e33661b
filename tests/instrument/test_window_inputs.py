"""Computer keys, the mouse and fingers become a player's hands."""

import pygame
import pytest
from pygame.event import Event

from pianogenie.events import Pedal, Press, Release
from pianogenie.inputs.hands import Hands
from pianogenie.inputs.keyboard import Keyboard, key_map, letters
from pianogenie.window.layout import lay_out
from pianogenie.window.pointers import Pointers


class Player:
    """Hands whose events are kept."""

    def __init__(self, num_buttons=8):
        self.events = []
        self.panics = []
        self.hands = Hands(self.events.append, lambda: 0.0, num_buttons, self.panics.append)

    @property
    def said(self):
        """The events in short: (what, button or value)."""
        return [(type(e).__name__, e.value if isinstance(e, Pedal) else e.button) for e in self.events]


def key(kind, scancode):
    return Event(kind, scancode=scancode, key=0)


@pytest.mark.parametrize(
    ("num_buttons", "row"), [(2, "FJ"), (4, "DFJK"), (6, "SDFJKL"), (8, "ASDFJKL;"), (10, "ASDFGHJKL;")]
)
def test_the_home_row_is_symmetric_about_the_middle(num_buttons, row):
    assert "".join(letters(num_buttons)) == row


@pytest.mark.parametrize("num_buttons", range(1, 13))
def test_every_button_has_a_key_as_far_as_there_are_keys(num_buttons):
    keys = key_map(num_buttons)
    reached = min(num_buttons, 10)
    assert set(keys.values()) == set(range(reached))
    assert len(keys) == 2 * reached, "a digit and a letter each"
    assert len(letters(num_buttons)) == num_buttons


def test_a_key_holds_its_button_and_repeats_do_nothing():
    player = Player()
    keyboard = Keyboard(player.hands, 8)
    for kind in (pygame.KEYDOWN, pygame.KEYDOWN, pygame.KEYDOWN, pygame.KEYUP):
        assert keyboard.take(key(kind, pygame.KSCAN_D))
    assert player.said == [("Press", 2), ("Release", 2)]
    assert player.events[0] == Press(2, 0.0, None), "computer keys have no velocity"


def test_keys_are_places_not_letters():
    player = Player()
    keyboard = Keyboard(player.hands, 8)
    # On a French keyboard the key at A's place says Q.
    keyboard.take(Event(pygame.KEYDOWN, scancode=pygame.KSCAN_A, key=pygame.K_q))
    assert player.said == [("Press", 0)]


def test_space_is_the_pedal_and_other_keys_are_nobodys():
    player = Player()
    keyboard = Keyboard(player.hands, 8)
    keyboard.take(key(pygame.KEYDOWN, pygame.KSCAN_SPACE))
    keyboard.take(key(pygame.KEYUP, pygame.KSCAN_SPACE))
    assert player.said == [("Pedal", 127), ("Pedal", 0)]
    assert not keyboard.take(key(pygame.KEYDOWN, pygame.KSCAN_Q))
    assert not keyboard.take(key(pygame.KEYUP, pygame.KSCAN_A)), "it did not go down here"


def test_backspace_is_a_panic():
    player = Player()
    keyboard = Keyboard(player.hands, 8)
    keyboard.take(key(pygame.KEYDOWN, pygame.KSCAN_1))
    assert keyboard.take(key(pygame.KEYDOWN, pygame.KSCAN_BACKSPACE)) and player.panics == [0.0]
    keyboard.take(key(pygame.KEYUP, pygame.KSCAN_1))
    assert player.said == [("Press", 0)], "what let go was the panic"


def test_after_the_focus_was_lost_a_held_key_can_play_again():
    player = Player()
    keyboard = Keyboard(player.hands, 8)
    keyboard.take(key(pygame.KEYDOWN, pygame.KSCAN_A))
    player.hands.all_up()
    keyboard.forget()
    keyboard.take(key(pygame.KEYUP, pygame.KSCAN_A))
    keyboard.take(key(pygame.KEYDOWN, pygame.KSCAN_A))
    assert player.said == [("Press", 0), ("Release", 0), ("Press", 0)]


LAYOUT = lay_out(1280, 720, 8)


def middle(button, down=0.5):
    box = LAYOUT.buttons[button]
    return box.x + box.w // 2, box.y + round(down * (box.h - 1))


def mouse(kind, place, **more):
    return Event(kind, pos=place, button=more.pop("button", 1), touch=more.pop("touch", False))


def finger(kind, which, place):
    return Event(kind, touch_id=1, finger_id=which, x=place[0] / 1280, y=place[1] / 720)


def test_the_mouse_slides_from_button_to_button_and_off():
    player = Player()
    pointers = Pointers(player.hands, LAYOUT)
    pointers.take(mouse(pygame.MOUSEMOTION, middle(0)))
    pointers.take(mouse(pygame.MOUSEBUTTONDOWN, middle(1)))
    pointers.take(mouse(pygame.MOUSEMOTION, middle(1, 0.7)))
    pointers.take(mouse(pygame.MOUSEMOTION, middle(2)))
    pointers.take(mouse(pygame.MOUSEMOTION, (640, 100)))
    pointers.take(mouse(pygame.MOUSEMOTION, middle(3)))
    pointers.take(mouse(pygame.MOUSEBUTTONUP, middle(3)))
    pointers.take(mouse(pygame.MOUSEMOTION, middle(4)))
    assert player.said == [(what, b) for b in (1, 2, 3) for what in ("Press", "Release")]


def test_lower_on_the_button_is_louder():
    player = Player()
    pointers = Pointers(player.hands, LAYOUT)
    for down in (0.0, 0.5, 1.0):
        pointers.take(mouse(pygame.MOUSEBUTTONDOWN, middle(0, down)))
        pointers.take(mouse(pygame.MOUSEBUTTONUP, middle(0, down)))
    velocities = [e.velocity for e in player.events if isinstance(e, Press)]
    assert velocities == sorted(set(velocities)) and 1 <= velocities[0] and velocities[-1] <= 127


def test_fingers_play_apart_and_the_mouse_made_of_them_is_ignored():
    player = Player()
    pointers = Pointers(player.hands, LAYOUT)
    pointers.take(finger(pygame.FINGERDOWN, 1, middle(0)))
    pointers.take(mouse(pygame.MOUSEBUTTONDOWN, middle(0), touch=True))
    pointers.take(finger(pygame.FINGERDOWN, 2, middle(4)))
    pointers.take(finger(pygame.FINGERMOTION, 1, middle(1)))
    pointers.take(finger(pygame.FINGERUP, 2, middle(4)))
    pointers.take(mouse(pygame.MOUSEBUTTONUP, middle(0), touch=True))
    pointers.take(finger(pygame.FINGERUP, 1, middle(1)))
    assert player.said == [
        ("Press", 0),
        ("Press", 4),
        ("Release", 0),
        ("Press", 1),
        ("Release", 4),
        ("Release", 1),
    ]


def test_other_mouse_buttons_and_places_play_nothing():
    player = Player()
    pointers = Pointers(player.hands, LAYOUT)
    pointers.take(mouse(pygame.MOUSEBUTTONDOWN, middle(0), button=3))
    pointers.take(mouse(pygame.MOUSEBUTTONUP, middle(0), button=3))
    pointers.take(mouse(pygame.MOUSEBUTTONDOWN, (600, 50)))
    pointers.take(mouse(pygame.MOUSEBUTTONUP, (600, 50)))
    assert player.said == []


def test_two_devices_on_one_button_release_it_once_both_are_up():
    player = Player()
    keyboard, pointers = Keyboard(player.hands, 8), Pointers(player.hands, LAYOUT)
    keyboard.take(key(pygame.KEYDOWN, pygame.KSCAN_1))
    pointers.take(mouse(pygame.MOUSEBUTTONDOWN, middle(0)))
    keyboard.take(key(pygame.KEYUP, pygame.KSCAN_1))
    assert player.events[-1] != Release(0, 0.0)
    pointers.take(mouse(pygame.MOUSEBUTTONUP, middle(0)))
    assert player.events[-1] == Release(0, 0.0)
