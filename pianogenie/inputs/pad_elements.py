"""The parts of a gamepad that go down: buttons, directions of a hat, axes. Named as SDL's mappings name them.

`b3` is a button; `h0.4` a direction of a hat (1 up, 2 right, 4 down, 8 left); `+a1` and `-a1` the halves of an axis
that rests in its middle; `a5` an axis that rests at its lower end, as a trigger does, `a5~` at its upper end.

Source of the names: SDL's gamecontrollerdb.txt, as `SDL_GameControllerAddMapping` documents them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

_NAME = re.compile(
    r"b(?P<button>\d{1,3})|h(?P<hat>\d)\.(?P<way>[1248])|(?P<half>[+-]?)a(?P<axis>\d{1,2})(?P<turned>~?)", re.ASCII
)
_WAYS = {1: (0, 1), 2: (1, 0), 4: (0, -1), 8: (-1, 0)}
"""SDL's number of a hat's direction: where pygame then says the hat is, (right, up)."""

Part = tuple[str, int]
"""What an event speaks of: ("b", 3) a button, ("h", 0) a hat, ("a", 1) an axis."""


@dataclass(frozen=True)
class Element:
    """One thing that goes down, on a gamepad. Make it with `parse_element`."""

    name: str
    part: Part
    way: int = 0
    half: str = ""
    turned: bool = False

    def depth(self, value: object) -> float:
        """How far down it is, 0..1, when its part is at `value`.

        A button's value is whether it is down, a hat's is pygame's pair, an axis's is -1..1.
        """
        kind = self.part[0]
        if kind == "b":
            return 1.0 if value else 0.0
        if kind == "h":
            right, up = _WAYS[self.way]
            return 1.0 if value[0] * right + value[1] * up > 0 else 0.0
        value = -value if self.turned else value
        if self.half:
            value = -value if self.half == "-" else value
        else:
            value = (value + 1) / 2
        return min(max(value, 0.0), 1.0)


def parse_element(name: str) -> Element:
    """`b3`, `h0.4`, `+a1`, `-a1`, `a5`, `a5~` as an Element. Raises ValueError."""
    match = _NAME.fullmatch(name)
    if match is None:
        raise ValueError(f'"{name}" is no part of a gamepad such as "b0", "h0.1", "+a1" or "a5"')
    if match["button"]:
        return Element(name, ("b", int(match["button"])))
    if match["hat"]:
        return Element(name, ("h", int(match["hat"])), way=int(match["way"]))
    return Element(name, ("a", int(match["axis"])), half=match["half"], turned=bool(match["turned"]))


def touched(part: Part, value: object, rest: float) -> Iterator[Element]:
    """The elements that a person meant who has moved `part` to `value`; `rest` is where an axis was before.

    For learning: none while the part is near its rest, two for a hat held diagonally.
    """
    kind, index = part
    if kind == "b":
        names: Iterable[str] = [f"b{index}"]
    elif kind == "h":
        names = [f"h{index}.{way}" for way in _WAYS]
    elif rest < -0.6:
        names = [f"a{index}"]
    elif rest > 0.6:
        names = [f"a{index}~"]
    else:
        names = [f"+a{index}", f"-a{index}"]
    return (element for element in map(parse_element, names) if element.depth(value) > 0.6)
