"""The computer's keyboard as an input: digits and the home row are buttons, space is the pedal, Backspace a panic.

Keys are told apart by scancode, the physical place, so that the home row is the home row on every layout.
"""

from __future__ import annotations

import pygame

from pianogenie.inputs.hands import Hands

_DIGITS = tuple(getattr(pygame, f"KSCAN_{digit}") for digit in "1234567890")
_LEFT_HAND = (pygame.KSCAN_F, pygame.KSCAN_D, pygame.KSCAN_S, pygame.KSCAN_A)
"""From the index finger outwards, as is the right hand."""
_RIGHT_HAND = (pygame.KSCAN_J, pygame.KSCAN_K, pygame.KSCAN_L, pygame.KSCAN_SEMICOLON)
_LETTERS = {
    pygame.KSCAN_A: "A",
    pygame.KSCAN_S: "S",
    pygame.KSCAN_D: "D",
    pygame.KSCAN_F: "F",
    pygame.KSCAN_G: "G",
    pygame.KSCAN_H: "H",
    pygame.KSCAN_J: "J",
    pygame.KSCAN_K: "K",
    pygame.KSCAN_L: "L",
    pygame.KSCAN_SEMICOLON: ";",
}
_SPACE = pygame.KSCAN_SPACE
_PANIC = pygame.KSCAN_BACKSPACE


def home_row(num_buttons: int) -> tuple[int, ...]:
    """The scancodes of the home row, left to right, one a button, symmetric about G and H.

    Four buttons lie under d f j k, six under s d f j k l, eight under a s d f j k l ;, ten take g and h too.
    An odd one out goes to the left hand. Beyond ten buttons the first ten have a letter.
    """
    left = (num_buttons + 1) // 2
    right = num_buttons // 2
    left_hand = _LEFT_HAND if left <= 4 else (pygame.KSCAN_G, *_LEFT_HAND)
    right_hand = _RIGHT_HAND if right <= 4 else (pygame.KSCAN_H, *_RIGHT_HAND)
    return tuple(reversed(left_hand[:left])) + right_hand[:right]


def letters(num_buttons: int) -> tuple[str, ...]:
    """What the keys of the home row are called on a QWERTY keyboard, one a button, '' for those without."""
    row = tuple(_LETTERS[code] for code in home_row(num_buttons))
    return row + ("",) * (num_buttons - len(row))


def key_map(num_buttons: int) -> dict[int, int]:
    """Scancode to button (0-based), for digits (0 is the tenth) and the home row."""
    digits = {code: button for button, code in enumerate(_DIGITS[:num_buttons])}
    return digits | {code: button for button, code in enumerate(home_row(num_buttons))}


class Keyboard:
    """Turns pygame's key events into a player's hands; everything else it leaves alone.

    A key presses its button as long as it is held; its own repeats are ignored. Computer keys have no velocity.
    """

    def __init__(self, hands: Hands, num_buttons: int):
        self._hands = hands
        self._buttons = key_map(num_buttons)
        self._held: set[int] = set()

    def take(self, event: pygame.event.Event) -> bool:
        """Act on a KEYDOWN or KEYUP of ours; False if the event was none."""
        if event.type == pygame.KEYDOWN:
            return self._down(event.scancode)
        if event.type == pygame.KEYUP:
            return self._up(event.scancode)
        return False

    def forget(self) -> None:
        """The keys' releases will not be seen, since the focus went elsewhere: they count as up."""
        self._held.clear()
        self._hands.let_go("key")

    def _down(self, scancode: int) -> bool:
        if scancode == _PANIC:
            self._hands.panic()
            return True
        button = self._buttons.get(scancode)
        if button is None and scancode != _SPACE:
            return False
        if scancode not in self._held:
            self._held.add(scancode)
            if button is None:
                self._hands.pedal(("key", scancode), 127)
            else:
                self._hands.down(("key", scancode), button)
        return True

    def _up(self, scancode: int) -> bool:
        if scancode not in self._held:
            return False
        self._held.discard(scancode)
        if scancode == _SPACE:
            self._hands.pedal(("key", scancode), 0)
        else:
            self._hands.up(("key", scancode))
        return True
