"""Hears what SDL's mixer hands to the sound device: when a sound begins after silence."""

from __future__ import annotations

import ctypes
import time

import numpy as np
import pygame

_AUDIBLE = 104
"""Of 32768: 50 dB below full scale."""
_SILENT = 33
_LOOK_EVERY_S = 0.002
_PostMix = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int)


class Ears:
    """Called by the mixer, on SDL's audio thread, with every buffer as it is handed over. The mixer must be open."""

    def __init__(self) -> None:
        self._began_at = 0
        self._quiet = False
        self._frames = 0
        self._callback = _PostMix(self._hear)
        # The loader finds the mixer's functions through the module that was linked with it.
        mixer = ctypes.CDLL(pygame.mixer.__file__)
        mixer.Mix_SetPostMix.argtypes = [_PostMix, ctypes.c_void_p]
        mixer.Mix_SetPostMix(self._callback, None)

    def buffer_s(self) -> float:
        """How long a buffer lasts."""
        while not self._frames:
            time.sleep(_LOOK_EVERY_S)
        return self._frames / pygame.mixer.get_init()[0]

    def forget(self) -> None:
        """Listen for the next sound."""
        self._began_at = 0

    def wait_for_silence(self, seconds: float) -> bool:
        """Whether a buffer without a sound came within so long."""
        by = time.monotonic() + seconds
        while not self._quiet and time.monotonic() < by:
            time.sleep(_LOOK_EVERY_S)
        return self._quiet

    def wait_for_sound(self, seconds: float) -> int:
        """When the first audible buffer since `forget` was mixed, monotonic ns; 0 if none came within so long."""
        by = time.monotonic() + seconds
        while not self._began_at and time.monotonic() < by:
            time.sleep(_LOOK_EVERY_S)
        return self._began_at

    def _hear(self, _data: object, address: int, size: int) -> None:
        samples = np.ctypeslib.as_array((ctypes.c_int16 * (size // 2)).from_address(address))
        self._frames = size // 4
        peak = max(int(samples.max()), -int(samples.min()))
        self._quiet = peak < _SILENT
        if peak >= _AUDIBLE and not self._began_at:
            self._began_at = time.monotonic_ns()
