"""Every gamepad that is plugged in, now or later, through SDL's joysticks: any number at once.

SDL's events come in on the thread that polls them: the window's loop, or `gamepad_loop` where there is no window.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pygame

from pianogenie.inputs.hands import Hands
from pianogenie.inputs.pad import Pad
from pianogenie.inputs.pad_elements import Part
from pianogenie.inputs.pad_layout import PadLayout, layout_of_known, layout_of_learnt, layout_of_unknown
from pianogenie.inputs.waiting import EventWaiter, device_files, sdl

if TYPE_CHECKING:
    from pianogenie.settings import Gamepad

EVENTS = (
    pygame.JOYDEVICEADDED,
    pygame.JOYDEVICEREMOVED,
    pygame.JOYBUTTONDOWN,
    pygame.JOYBUTTONUP,
    pygame.JOYAXISMOTION,
    pygame.JOYHATMOTION,
)
"""What an event loop must let pass to `Gamepads.take`."""

_SETTINGS = {
    # Pads play also while another window has the focus, and where there is no window at all.
    "SDL_JOYSTICK_ALLOW_BACKGROUND_EVENTS": "1",
    # The face buttons go by their place: left, bottom, top, right, whatever letters a maker prints there.
    "SDL_GAMECONTROLLER_USE_BUTTON_LABELS": "0",
}


@dataclass
class _Plugged:
    joystick: pygame.joystick.JoystickType
    path: str | None
    name: str
    pad: Pad


class Gamepads:
    """Lets all gamepads play. Everything is called on the thread that polls SDL's events, but for `names`.

    Args:
        hands: what the pads move.
        learnt: mappings that a person has taught, by the pads' names.
        announce: takes a line for the person when a pad comes or goes.
    """

    def __init__(self, hands: Hands, learnt: Mapping[str, Gamepad], announce: Callable[[str], None]):
        self.hands = hands
        self._learnt = learnt
        self._announce = announce
        self._plugged: dict[int, _Plugged] = {}
        self.waiter: EventWaiter | None = None

    @property
    def names(self) -> list[str]:
        """Of the pads that are there."""
        return [plugged.name for plugged in list(self._plugged.values())]

    def start(self, waiter: EventWaiter | None = None) -> None:
        """Open all pads that are there. Without joysticks in this SDL, or in this system, there will be none.

        `waiter` is told which files to sleep on whenever a pad comes or goes. pygame's display must be started.
        """
        self.waiter = waiter
        start_sdl_gamepads()
        self._open_all()

    def take(self, event: pygame.event.Event) -> bool:
        """Act on one of `EVENTS`; False if the event was none."""
        moved = part_and_value(event)
        if moved is not None:
            plugged = self._plugged.get(event.instance_id)
            if plugged is not None:
                plugged.pad.move(*moved)
        elif event.type == pygame.JOYDEVICEADDED:
            self._open_all()
        elif event.type == pygame.JOYDEVICEREMOVED:
            self._unplug(event.instance_id)
        else:
            return False
        return True

    def close(self) -> None:
        """Let go of what the pads hold and of the pads."""
        for plugged in self._plugged.values():
            plugged.pad.let_go()
        self._plugged.clear()
        pygame.joystick.quit()

    def _open_all(self) -> None:
        # An event's index may be another pad's by now; so whatever is not open yet is opened.
        for index in range(pygame.joystick.get_count() if pygame.joystick.get_init() else 0):
            try:
                joystick = pygame.joystick.Joystick(index)
                which = joystick.get_instance_id()
                if which not in self._plugged:
                    self._plug(which, index, joystick)
            except pygame.error:
                continue  # out again already, or not ours to read
        self._tell_waiter()

    def _plug(self, which: int, index: int, joystick: pygame.joystick.JoystickType) -> None:
        name = joystick.get_name()
        layout, known = layout_of(index, joystick, self._learnt, self.hands.num_buttons)
        pad = Pad(self.hands, ("gamepad", which), layout)
        self._plugged[which] = _Plugged(joystick, _path_of(index), name, pad)
        guess = " (not known: its buttons play in their order; `pianogenie map gamepad` teaches it)"
        self._announce(f"{name} is there{'' if known else guess}")

    def _unplug(self, which: int) -> None:
        plugged = self._plugged.pop(which, None)
        if plugged is None:
            return
        plugged.pad.let_go()
        plugged.joystick.quit()
        self._announce(f"lost {plugged.name}; it plays again when it returns")
        self._tell_waiter()

    def _tell_waiter(self) -> None:
        if self.waiter is not None:
            self.waiter.watch(device_files(plugged.path for plugged in self._plugged.values()))


def start_sdl_gamepads() -> None:
    """Have SDL look for gamepads; without them in this SDL, or this system, there are simply none."""
    for name, value in _SETTINGS.items():
        os.environ.setdefault(name, value)
    try:
        pygame.joystick.init()
    except pygame.error:
        return


def part_and_value(event: pygame.event.Event) -> tuple[Part, object] | None:
    """What a JOY* event moved and where to, as `Element.depth` takes it; None if it moved nothing of ours."""
    kind = event.type
    if kind == pygame.JOYBUTTONDOWN:
        return ("b", event.button), True
    if kind == pygame.JOYBUTTONUP:
        return ("b", event.button), False
    if kind == pygame.JOYAXISMOTION:
        return ("a", event.axis), event.value
    if kind == pygame.JOYHATMOTION:
        return ("h", event.hat), event.value
    return None


def layout_of(
    index: int, joystick: pygame.joystick.JoystickType, learnt: Mapping[str, Gamepad], num_buttons: int
) -> tuple[PadLayout, bool]:
    """The layout of the pad with this index in SDL's list, and whether it is more than a guess."""
    guid, name = joystick.get_guid(), joystick.get_name()
    # Makers share names; what was taught for this very model comes first.
    taught = next((m for m in learnt.values() if m.guid == guid), None) or learnt.get(name)
    if taught is not None:
        return layout_of_learnt(taught), True
    mapping = _sdl_mapping(index)
    if mapping:
        return layout_of_known(mapping, num_buttons), True
    return layout_of_unknown(joystick.get_numbuttons(), num_buttons), False


def _sdl_mapping(index: int) -> dict[str, str]:
    """SDL's mapping of a pad in its list, {} if it knows none."""
    try:
        from pygame._sdl2 import controller  # pygame-ce's only way to SDL's mappings

        controller.init()
        if not controller.is_controller(index):
            return {}
        opened = controller.Controller(index)
        try:
            return opened.get_mapping()
        finally:
            opened.quit()  # we read the pad's own parts; SDL need not translate them as well
    except (ImportError, pygame.error):
        return {}


def _path_of(index: int) -> str | None:
    """The file under which the system has a pad, where it has one."""
    try:
        path_for = sdl().SDL_JoystickPathForIndex
    except (OSError, AttributeError):
        return None
    path_for.argtypes, path_for.restype = [ctypes.c_int], ctypes.c_char_p
    path = path_for(index)
    return os.fsdecode(path) if path else None
