"""A whole frame: the picture at rest, and over it whatever sounds, is held and flows."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import pygame

from pianogenie.events import PianoEvent, PlayerEvent, Press, Release
from pianogenie.inputs.keyboard import letters
from pianogenie.keys import NUM_KEYS
from pianogenie.window.backdrop import backdrop
from pianogenie.window.colours import tints
from pianogenie.window.keybed import Keybed, Light
from pianogenie.window.layout import Box, Layout, lay_out
from pianogenie.window.pads import Pads
from pianogenie.window.ribbons import Ribbons
from pianogenie.window.sprites import opaque
from pianogenie.window.stage import Scene, Stage, StageOutput
from pianogenie.window.statusline import StatusLine
from pianogenie.window.text import Lettering

_KEY_FADE_S = 0.16
_PAD_FADE_S = 0.14
_STEPS = 16
"""Strengths of light that are told apart: a light that fades is drawn again at each."""


class Picture:
    """Paints scenes on `canvas`, touching only what changed since the scene before."""

    def __init__(self, layout: Layout):
        num_buttons = len(layout.buttons)
        colours = tints(num_buttons)
        lettering = Lettering()
        self._keybed = Keybed(layout, colours)
        self._pads = Pads(layout, colours, letters(num_buttons), lettering)
        self._ribbons = Ribbons(layout, colours)
        self._status = StatusLine(layout, lettering)
        self._rest = backdrop(layout)
        self._keybed.draw_all(self._rest)
        self._pads.draw_all(self._rest)
        self.canvas = opaque(layout.window.w, layout.window.h)
        self.canvas.blit(self._rest, (0, 0))
        self._key_lights: dict[int, Light] = {}
        self._pad_lights: dict[int, float] = {}
        self._pad_let_go = [-1e9] * num_buttons
        self._presses: list[int] | None = None
        self._to_prepare = itertools.chain(self._pads.prepare(), self._keybed.prepare(), self._ribbons.prepare())

    def prepare(self) -> bool:
        """Make one of the small pictures that lights and ribbons need, ahead of need. Whether there was one left."""
        return next(self._to_prepare, self) is not self

    @property
    def moving(self) -> bool:
        """Whether the next frame differs even if nothing happens."""
        return self._ribbons.flowing or bool(self._key_lights) or bool(self._pad_lights)

    def follow(self, scene: Scene, now: float) -> None:
        """Take note of a scene without painting it."""
        self._ribbons.follow(scene)
        if self._presses is None:
            self._presses = scene.presses
        for button, held in enumerate(scene.held):
            if held or scene.presses[button] != self._presses[button]:
                self._pad_let_go[button] = now
        self._presses = scene.presses

    def paint(self, scene: Scene, now: float) -> list[Box]:
        """Paint the scene as it is at `now`, in seconds of the scene's clock. Returns the boxes that changed."""
        self.follow(scene, now)
        changed = self._ribbons.draw(self.canvas, self._rest, now) if self._ribbons.flowing else []
        changed += self._paint_keys(scene, now)
        changed += self._paint_pads_and_status(scene, now)
        return changed

    def _paint_keys(self, scene: Scene, now: float) -> list[Box]:
        lights = {}
        for key in range(NUM_KEYS):
            if scene.sounding[key]:
                since = 0.0
            elif scene.strikes[key]:
                since = now - scene.let_go_at[key]
            else:
                continue
            strength = (1 - since / _KEY_FADE_S) * (0.72 + 0.28 * scene.velocity[key] / 127)
            step = round(strength * _STEPS)
            if step > 0:
                lights[key] = Light(scene.striker[key], min(step / _STEPS, 1.0))
        changed = [k for k in lights.keys() | self._key_lights.keys() if lights.get(k) != self._key_lights.get(k)]
        self._key_lights = lights
        return self._keybed.draw(self.canvas, self._rest, changed, lights)

    def _paint_pads_and_status(self, scene: Scene, now: float) -> list[Box]:
        lights = {}
        for button, held in enumerate(scene.held):
            step = _STEPS if held else round((1 - (now - self._pad_let_go[button]) / _PAD_FADE_S) * _STEPS)
            if step > 0:
                lights[button] = min(step / _STEPS, 1.0)
        before = self._pad_lights
        changed = [b for b in lights.keys() | before.keys() if lights.get(b) != before.get(b)]
        self._pad_lights = lights
        line = self._status.update(scene.status, scene.pedal)
        if not changed and line is None:
            return []
        # The buttons' light falls on the status line, so the one is never drawn without the other.
        self.canvas.blit(self._rest, self._status.box[:2], self._status.box)
        boxes = self._pads.draw(self.canvas, self._rest, changed, lights)
        self._status.draw(self.canvas)
        return boxes + ([line] if line is not None else [])


def paint_moment(
    events: Sequence[PianoEvent | PlayerEvent],
    at: float,
    size: tuple[int, int],
    num_buttons: int = 8,
    status: str = "",
) -> pygame.Surface:
    """The window as it looks at a moment of a performance, painted without a display.

    Args:
        events: notes and presses in order of time (seconds), those after `at` ignored.
        at: the moment in seconds.
        size: width and height in pixels.
        status: the text of the status line.

    Returns:
        The picture; `pygame.image.save` writes it to a PNG.
    """
    stage = Stage.local(num_buttons)
    stage.status = status
    time = 0.0
    output = StageOutput(stage, clock=lambda: time)
    picture = Picture(lay_out(*size, num_buttons))
    for event in events:
        if event.time > at:
            break
        time = event.time
        if isinstance(event, Press | Release):
            output.witness(event)
        else:
            output.send(event)
        picture.follow(stage.read(), time)
    picture.paint(stage.read(), at)
    stage.close()
    return picture.canvas
