"""The pixels on their way from the painter to the window: one picture in shared memory, and a handshake.

The painter keeps a canvas of its own. When the window has shown the last picture, the painter copies what
changed since into the shared one, lists those rectangles and counts `published` up; the window shows them and
sets `presented` to the same number. Whoever does not have the turn does not touch the pixels, so no lock is
needed, and neither waits for the other: a busy window costs frames, never time.
"""

from __future__ import annotations

from collections.abc import Sequence

import pygame

from pianogenie.window.layout import Box
from pianogenie.window.shared import SharedBlock

MAX_RECTANGLES = 256
"""Rectangles a frame; a picture with more of them is published whole."""

_PUBLISHED, _PRESENTED, _COUNT = range(3)
_HEADER_WORDS = 4
_HEADER_BYTES = 4 * (_HEADER_WORDS + 4 * MAX_RECTANGLES)


class Frames:
    """A picture of `width` x `height` pixels in shared memory, 4 bytes each in the order blue, green, red, unused.

    Use `create` in the window's process, which owns the memory, and `attach` in the painter's.
    """

    def __init__(self, memory: SharedBlock, width: int, height: int):
        self._memory = memory
        self.whole = Box(0, 0, width, height)
        self._header = memory.buf[:_HEADER_BYTES]
        self._words = self._header.cast("I")
        self._pixels = memory.buf[_HEADER_BYTES : _HEADER_BYTES + width * height * 4]
        self.surface = pygame.image.frombuffer(self._pixels, (width, height), "BGRA")
        # Without this the blit would blend by the fourth byte; so it is a plain copy.
        self.surface.set_alpha(None)

    @classmethod
    def create(cls, width: int, height: int) -> Frames:
        """Fresh shared memory for pictures of this size."""
        memory = SharedBlock.create(_HEADER_BYTES + width * height * 4)
        return cls(memory, width, height)

    @classmethod
    def attach(cls, name: str, width: int, height: int) -> Frames:
        """The frames that the window created. FileNotFoundError when they are gone already."""
        return cls(SharedBlock.attach(name), width, height)

    @property
    def shared_name(self) -> str:
        """What `attach` takes."""
        return self._memory.name

    def close(self) -> None:
        """Let go of the memory, and remove it if these frames created it. May be called again."""
        if self._words is None:
            return
        # The surface holds on to the memory as long as it lives.
        self.surface = self._words = None
        self._header.release()
        self._pixels.release()
        self._memory.close()

    # The painter's side.

    @property
    def free(self) -> bool:
        """Whether the window has shown the last picture, so that the next may be written."""
        return self._words[_PRESENTED] == self._words[_PUBLISHED]

    def publish(self, canvas: pygame.Surface, changed: Sequence[Box]) -> None:
        """Copy these rectangles of the canvas and hand them to the window. Only while `free`."""
        if len(changed) > MAX_RECTANGLES:
            changed = (self.whole,)
        words, at = self._words, _HEADER_WORDS
        for box in changed:
            self.surface.blit(canvas, (box[0], box[1]), box)
            words[at], words[at + 1], words[at + 2], words[at + 3] = box
            at += 4
        words[_COUNT] = len(changed)
        words[_PUBLISHED] = (words[_PUBLISHED] + 1) & 0xFFFFFFFF

    # The window's side.

    @property
    def ever_published(self) -> bool:
        """Whether the picture holds anything yet."""
        return self._words[_PUBLISHED] != 0

    def take(self) -> list[Box]:
        """What changed in a newly published picture; empty when there is none. Show it, then `done`."""
        if self.free:
            return []
        words = self._words
        ends = range(_HEADER_WORDS, _HEADER_WORDS + 4 * words[_COUNT], 4)
        return [Box(words[i], words[i + 1], words[i + 2], words[i + 3]) for i in ends]

    def done(self) -> None:
        """The picture was shown; the painter may write the next."""
        self._words[_PRESENTED] = self._words[_PUBLISHED]
