"""Sounds made ahead on a background thread, and at once when a key cannot wait.

All 264 sounds take a second or so to make, on an idle core. The thread makes the middle layer of every key
first, from the middle of the keyboard outwards, then the other two. A key struck before its turn borrows
another layer of its own (the player evens out the volume), and only if there is none yet gets its sound made
there and then, 5 to 20 ms, once.

Decoding, resampling and scaling run outside the interpreter lock; what is left inside it, copying a finished
sound into the mixer, takes up to 0.4 ms a sound, which is the longest that loading can hold up a player.
"""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

import numpy as np

from pianogenie.errors import UserError
from pianogenie.keys import NUM_KEYS
from pianogenie.piano import touch
from pianogenie.piano.samples import Samples

Sound = TypeVar("Sound")
_NEXT_BEST = ((1, 2), (2, 0), (1, 0))
_SILENCE = np.zeros((64, 2), np.int16)


class Shelf(Generic[Sound]):
    """The sounds of all keys and layers, each wrapped by `wrap` (int16 (frames, 2) -> what the mixer plays).

    `trouble` is the message of the first sample that could not be read, or None; its keys are silent, for
    one broken file must not stop an instrument that is being played.
    """

    def __init__(self, samples: Samples, wrap: Callable[[np.ndarray], Sound]) -> None:
        self.trouble: str | None = None
        self._samples, self._wrap = samples, wrap
        self._sounds: list[Sound | None] = [None] * (NUM_KEYS * touch.NUM_LAYERS)
        self._stopping = False
        self._thread = threading.Thread(target=self._fill, name="piano-samples", daemon=True)

    def start(self) -> None:
        """Begin to make the sounds in the background."""
        self._thread.start()

    def stop(self) -> None:
        """Make no more sounds ahead; returns when the thread has ended, some ms later."""
        self._stopping = True
        if self._thread.is_alive():
            self._thread.join()

    def clear(self) -> None:
        """Let go of the sounds and their 105 MB, once nothing plays them any more."""
        self._sounds = [None] * len(self._sounds)

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until the thread is done; whether it is."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def take(self, key: int, layer: int) -> tuple[Sound, int]:
        """A key's sound and the layer it is of: `layer`, or another at hand, or else `layer` made at once.

        Never fails: see `trouble`.
        """
        sounds = self._sounds
        sound = sounds[layer * NUM_KEYS + key]
        if sound is not None:
            return sound, layer
        for other in _NEXT_BEST[layer]:
            sound = sounds[other * NUM_KEYS + key]
            if sound is not None:
                return sound, other
        return self._make(key, layer), layer

    def loaded(self) -> float:
        """The share of sounds that are at hand, 0..1."""
        return 1 - self._sounds.count(None) / len(self._sounds)

    def _fill(self) -> None:
        for key, layer in self._samples.from_the_middle():
            if self._stopping:
                return
            self._make(key, layer)
        self._samples.forget()

    def _make(self, key: int, layer: int) -> Sound:
        index = layer * NUM_KEYS + key
        if self._sounds[index] is not None:
            return self._sounds[index]
        try:
            raw = self._samples.sound(key, layer)
        except UserError as error:
            self.trouble = self.trouble or str(error)
            raw = _SILENCE
        sound = self._wrap(raw)
        # Both threads may have made it; the first one stays, for it may be sounding.
        if self._sounds[index] is None:
            self._sounds[index] = sound
        return self._sounds[index]
