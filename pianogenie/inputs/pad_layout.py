"""What each part of a gamepad is for: which buttons it presses, and what is pedal, dynamics and panic.

On a pad that SDL knows, two thumbs play eight buttons from left to right, each hand's cross in the order
left, down, up, right: what lies further right or higher is the higher button.

        2  up               up  6              LB  softer          RB  pedal
    0 left    right 3   4 left    right 7      LT  louder, the     RT  pedal, as far
       1 down             down  5                  further it goes     as it goes
                                               Back (View, Select, Share)  panic

With ten buttons the shoulders are the lowest and the highest of all; with fewer than eight each hand leaves out down
first, then up, then its inner one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

from pianogenie.inputs.pad_elements import Element, parse_element

_LEFT_HAND = ("dpleft", "dpdown", "dpup", "dpright")
_RIGHT_HAND = ("x", "a", "y", "b")
"""As SDL names the face buttons by their place on an Xbox pad: x is the left one, whatever is printed on it."""
_FOR_SO_MANY = {0: (), 1: (0,), 2: (0, 3), 3: (0, 2, 3), 4: (0, 1, 2, 3)}
"""Which of a cross's four play when a hand has only so many buttons; a right hand's single one is its last."""


@dataclass(frozen=True)
class PadLayout:
    """The parts of a pad by what they do. `buttons[i]` presses button i; None is for a part that the pad lacks."""

    buttons: tuple[Element | None, ...] = ()
    pedal: tuple[Element, ...] = ()
    louder: tuple[Element, ...] = ()
    softer: tuple[Element, ...] = ()
    panic: tuple[Element, ...] = ()


def layout_of_known(mapping: Mapping[str, str], num_buttons: int) -> PadLayout:
    """The layout of a pad that SDL knows.

    Args:
        mapping: SDL's: names of an Xbox pad's parts to this pad's own, such as {"dpleft": "h0.8", "a": "b0"}.
        num_buttons: beyond ten, the first ten have a place.
    """
    left, right = _hands(num_buttons)
    shoulders_play = num_buttons > 8

    def named(*names: str) -> tuple[Element, ...]:
        return tuple(element for name in names if (element := _known(mapping, name)) is not None)

    return PadLayout(
        buttons=tuple(_known(mapping, name) for name in left + right),
        pedal=named("righttrigger") if shoulders_play else named("righttrigger", "rightshoulder"),
        louder=named("lefttrigger"),
        softer=() if shoulders_play else named("leftshoulder"),
        panic=named("back"),
    )


def layout_of_unknown(num_parts: int, num_buttons: int) -> PadLayout:
    """The layout of a pad of which nothing is known but that it has so many buttons: they play in their order."""
    return PadLayout(buttons=tuple(parse_element(f"b{i}") for i in range(min(num_parts, num_buttons))))


def layout_of_learnt(parts: object) -> PadLayout:
    """The layout that a person has taught: `parts` has PadLayout's fields as tuples of element names."""
    return PadLayout(**{f.name: tuple(map(parse_element, getattr(parts, f.name))) for f in fields(PadLayout)})


def _hands(num_buttons: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """SDL's names of what the left and the right hand play, rising."""
    num_left, num_right = min((num_buttons + 1) // 2, 5), min(num_buttons // 2, 5)
    left = tuple(_LEFT_HAND[i] for i in _FOR_SO_MANY[min(num_left, 4)])
    right = ("b",) if num_right == 1 else tuple(_RIGHT_HAND[i] for i in _FOR_SO_MANY[min(num_right, 4)])
    return ("leftshoulder",) * (num_left == 5) + left, right + ("rightshoulder",) * (num_right == 5)


def _known(mapping: Mapping[str, str], name: str) -> Element | None:
    try:
        return parse_element(mapping[name])
    except (KeyError, ValueError):
        return None
