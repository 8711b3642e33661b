"""One gamepad: its parts go down and up, and hands move."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable

from pianogenie.inputs.hands import Hands
from pianogenie.inputs.pad_elements import Element, Part
from pianogenie.inputs.pad_layout import PadLayout

_DOWN_AT, _UP_AT = 0.5, 0.35
"""How deep an axis is when it counts as down, and as up again: apart, so that a trembling thumb plays once."""
_SLACK = 0.04
"""What an analogue part may be off at either end of its way."""
_SOFT, _MIDDLE, _LOUD = 32, 72, 120
"""Velocities: softer all the way, neither, louder all the way."""

Act = Callable[[float], None]


class Pad:
    """Moves the hands of a player who holds one gamepad.

    Args:
        hands: whose sources `(device, name of the part)` this moves.
        device: tells this pad from everything else that has hands.
        layout: what each part does.
    """

    def __init__(self, hands: Hands, device: Hashable, layout: PadLayout):
        self._hands = hands
        self.device = device
        self._down: set[Hashable] = set()
        self._pedals: dict[str, int] = {}
        self._touch: dict[str, float] = {}  # how far what makes presses louder (above 0) and softer (below) is down
        self._unsure: set[Element] = set()  # axes that rest at an end, until they have been seen there
        self._acts: dict[Part, list[tuple[Element, Act]]] = defaultdict(list)
        for button, element in enumerate(layout.buttons):
            if element is not None:
                self._add(element, self._presses(element.name, button))
        for element in layout.pedal:
            self._add(element, self._moves_pedal(element.name))
        for element in layout.louder:
            self._add(element, self._sets_touch(element.name, _LOUD - _MIDDLE))
        for element in layout.softer:
            self._add(element, self._sets_touch(element.name, _SOFT - _MIDDLE))
        for element in layout.panic:
            self._add(element, self._panics(element.name))

    def move(self, part: Part, value: object) -> None:
        """A part of the pad is now at `value`, as `Element.depth` takes it."""
        for element, act in self._acts.get(part, ()):
            depth = element.depth(value)
            if element in self._unsure:
                # Some drivers put a trigger that was not touched yet in the middle of its way.
                if depth >= _UP_AT:
                    continue
                self._unsure.discard(element)
            act(depth)

    def let_go(self) -> None:
        """Everything comes up: the pad was pulled out."""
        self._down.clear()
        self._pedals.clear()
        self._touch.clear()
        self._hands.let_go(self.device)

    def velocity(self) -> int | None:
        """Of a press right now: None while neither louder nor softer is touched, so that the genie may choose."""
        if not self._touch:
            return None
        return min(max(round(_MIDDLE + sum(self._touch.values())), 1), 127)

    def _add(self, element: Element, act: Act) -> None:
        self._acts[element.part].append((element, act))
        if element.part[0] == "a" and not element.half:
            self._unsure.add(element)

    def _went(self, what: Hashable, depth: float) -> bool | None:
        """Whether what is down or up went down (True) or up (False) just now; None if it stayed."""
        if what in self._down:
            if depth < _UP_AT:
                self._down.discard(what)
                return False
        elif depth >= _DOWN_AT:
            self._down.add(what)
            return True
        return None

    def _presses(self, name: str, button: int) -> Act:
        source = (self.device, name, button)

        def act(depth: float) -> None:
            went = self._went(source, depth)
            if went:
                self._hands.down(source, button, self.velocity())
            elif went is False:
                self._hands.up(source)

        return act

    def _moves_pedal(self, name: str) -> Act:
        source = (self.device, name)

        def act(depth: float) -> None:
            exact = 127 * _taut(depth)
            before = self._pedals.get(name, 0)
            # A trigger held still trembles by a step or so; only a whole step, or an end of its way, is news.
            if abs(exact - before) >= 1 or exact in (0, 127):
                value = round(exact)
                if value != before:
                    self._pedals[name] = value
                    self._hands.pedal(source, value)

        return act

    def _sets_touch(self, name: str, reach: int) -> Act:
        def act(depth: float) -> None:
            taut = _taut(depth)
            if taut:
                self._touch[name] = reach * taut
            else:
                self._touch.pop(name, None)

        return act

    def _panics(self, name: str) -> Act:
        def act(depth: float) -> None:
            if self._went(name, depth):
                self._hands.panic()

        return act


def _taut(depth: float) -> float:
    """A depth without the slack at both ends: 0 and 1 are reached, and at rest it is 0."""
    return min(max((depth - _SLACK) / (1 - 2 * _SLACK), 0.0), 1.0)
