"""Chance, press by press: the same for the same seed, whenever it is asked for."""

import numpy as np

from pianogenie.keys import NUM_KEYS


class Luck:
    """What chance adds to each key's logit at each press, whichever button it is.

    The highest of logits with this on each is a draw from their softmax (the Gumbel trick), at whatever temperature:
    two calls for all buttons, where cumulated weights would take a dozen. Cast in the order of presses, however far
    ahead.

    Args:
        seed: of the draws.
    """

    def __init__(self, seed: int):
        self._random = np.random.Generator(np.random.PCG64(seed))
        self._next = 0
        self._casts: dict[int, np.ndarray] = {}  # by the number of the press
        self._noises: dict[int, tuple[float, np.ndarray]] = {}  # the same at the temperature that was asked for last

    def at(self, press: int, temperature: float) -> np.ndarray:
        """Of the press with this number, counted from 0: float64 [88]. Not of one that was forgotten."""
        while self._next <= press:
            self._casts[self._next] = self._random.gumbel(size=NUM_KEYS)
            self._next += 1
        expected, noise = self._noises.get(press, (None, None))
        if expected != temperature:
            noise = temperature * self._casts[press]
            self._noises[press] = temperature, noise
        return noise

    def forget_before(self, press: int) -> None:
        """Those before this one are over."""
        for over in [number for number in self._casts if number < press]:
            del self._casts[over]
            self._noises.pop(over, None)
