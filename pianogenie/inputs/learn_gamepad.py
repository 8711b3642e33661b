"""Learning a gamepad that nobody knows: it asks for one part after another, and the person presses it."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass

import pygame

from pianogenie.inputs.asking import OR_LEAVE_OUT, Cancelled, Person, question
from pianogenie.inputs.gamepads import EVENTS, part_and_value, start_sdl_gamepads
from pianogenie.inputs.pad_elements import Element, Part, touched

OPTIONAL = {
    "pedal": "the pedal (a trigger, if there is one: half-pedal)",
    "louder": "what makes presses louder (another trigger: the further, the louder)",
    "softer": "what makes presses softer while it is held",
    "panic": "what silences everything (a button that is not hit by accident)",
}
_SETTLES_S = 0.2
_AXIS_FOLLOWS_S = 0.15


@dataclass(frozen=True)
class LearntPad:
    """A gamepad and what its parts do: PadLayout's fields as lists of element names."""

    name: str
    guid: str
    parts: dict[str, list[str]]


def learn_gamepad(person: Person, num_buttons: int) -> LearntPad:
    """Ask for each button and then for what else a pad can do. The pad that is touched first is the one that is learnt.

    pygame's display must be started. Raises Cancelled.
    """
    lessons = _Lessons(person)
    person.say("Press what is asked for and let it go again. Esc or Ctrl-C ends it, and nothing is changed.")
    buttons = []
    for button in range(num_buttons):
        element = lessons.learn(f"button {button + 1}", question(button, num_buttons), may_skip=button > 0)
        if element is None:
            break
        buttons.append(element.name)
    parts = {"buttons": buttons}
    for role, what in OPTIONAL.items():
        element = lessons.learn(role, what + OR_LEAVE_OUT, may_skip=True, prefer_axis=role in ("pedal", "louder"))
        parts[role] = [] if element is None else [element.name]
    joystick = lessons.joystick
    return LearntPad(joystick.get_name(), joystick.get_guid(), parts)


class _Lessons:
    """Watches all gamepads until one is touched, then that one."""

    def __init__(self, person: Person):
        self._person = person
        self._joysticks: dict[int, pygame.joystick.JoystickType] = {}
        self._rest: dict[tuple[int, int], float] = {}
        self._down: dict[tuple[int, Element], bool] = {}
        self._known: dict[Element, str] = {}
        self.joystick: pygame.joystick.JoystickType | None = None
        pygame.event.set_blocked(None)
        pygame.event.set_allowed(EVENTS)
        start_sdl_gamepads()
        self._open()
        if not self._joysticks:
            person.say("Plug in a gamepad.")

    def learn(self, what: str, text: str, may_skip: bool, prefer_axis: bool = False) -> Element | None:
        """Ask for one thing; None if it is left out."""
        self._person.say(text)
        by: float | None = None
        found: Element | None = None
        while found is None or time.monotonic() < by:
            answer = self._person.answer()
            if answer == "cancel":
                raise Cancelled
            if answer == "skip" and may_skip:
                return None
            for element in self._news():
                if element in self._known:
                    self._person.say(f"  that is {self._known[element]} already; another one")
                elif found is None or (prefer_axis and element.part[0] == "a"):
                    found, by = element, time.monotonic() + (_AXIS_FOLLOWS_S if prefer_axis else 0.0)
        self._known[found] = what
        self._person.say(f"  {found.name}")
        self._wait_until_all_is_up()
        return found

    def _wait_until_all_is_up(self) -> None:
        while any(self._down.values()):
            if self._person.answer() == "cancel":
                raise Cancelled
            for _ in self._news():  # what is pressed before that was let go is not asked for yet
                pass

    def _news(self) -> Iterable[Element]:
        """What went down since the last look; a hat that stands between two of its ways says neither."""
        for event in pygame.event.get():
            if event.type == pygame.JOYDEVICEADDED:
                self._open()
            elif event.type == pygame.JOYDEVICEREMOVED:
                self._close(event.instance_id)
            elif (moved := part_and_value(event)) is not None and event.instance_id in self._joysticks:
                yield from self._moved(event.instance_id, *moved)

    def _moved(self, which: int, part: Part, value: object) -> Iterable[Element]:
        if self.joystick is not None and which != self.joystick.get_instance_id():
            return
        meant = list(touched(part, value, self._rest.get((which, part[1]), 0.0)))
        for key in [key for key in self._down if key[0] == which and key[1].part == part and key[1] not in meant]:
            self._down[key] = False
        if len(meant) != 1:
            return
        (element,) = meant
        if not self._down.get((which, element)):
            self._down[which, element] = True
            self.joystick = self._joysticks[which]
            yield element

    def _open(self) -> None:
        for index in range(pygame.joystick.get_count() if pygame.joystick.get_init() else 0):
            try:
                joystick = pygame.joystick.Joystick(index)
            except pygame.error:
                continue
            which = joystick.get_instance_id()
            if which not in self._joysticks:
                self._joysticks[which] = joystick
                self._person.say(f"({joystick.get_name()})")
                # Drivers tell a little later where the axes are; nobody has touched them yet.
                until = time.monotonic() + _SETTLES_S
                while time.monotonic() < until:
                    pygame.event.pump()
                    time.sleep(0.01)
                for axis in range(joystick.get_numaxes()):
                    self._rest[which, axis] = joystick.get_axis(axis)

    def _close(self, which: int) -> None:
        gone = self._joysticks.pop(which, None)
        self._down = {key: down for key, down in self._down.items() if key[0] != which}
        if gone is not None and gone is self.joystick:
            self._person.say(f"{gone.get_name()} was pulled out.")
            raise Cancelled
