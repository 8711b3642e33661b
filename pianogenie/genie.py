"""The genie: a button and a time in, a key out. One decoder step and one draw a press."""

import secrets

import numpy as np

from pianogenie.dynamics import Dynamics
from pianogenie.keys import NUM_KEYS
from pianogenie.model import Model
from pianogenie.stepper import Stepper

DEFAULT_TEMPERATURE = 0.25
"""What the paper's authors play with: lively, rarely wrong."""

_COLDEST = 1e-6  # below it the most likely key is certain, and a division by it would overflow


class Genie:
    """Remembers what was played and picks the next key.

    The same model, temperature, seed and presses give the same keys, live and offline.

    Args:
        model: a loaded model folder.
        temperature: 0 (always the most likely key) to 1 (as varied as the training data).
        seed: of the draws; None takes a fresh one, kept in `seed`.
        dynamics: who says how loud; the first of the device, the model and a constant unless told otherwise.
    """

    def __init__(
        self,
        model: Model,
        temperature: float = DEFAULT_TEMPERATURE,
        seed: int | None = None,
        dynamics: Dynamics | None = None,
    ):
        self.model = model
        self.temperature = temperature
        self.seed = secrets.randbits(32) if seed is None else seed
        self.dynamics = dynamics or Dynamics()
        self._random = np.random.Generator(np.random.PCG64(self.seed))
        self._decoder = Stepper(model.decoder)
        self._time: float | None = None

    def press(self, button: int, time: float, velocity: int | None = None) -> tuple[int, int]:
        """The key (0..87) and velocity (1..127) for a button pressed at `time` (seconds).

        `velocity` is the device's, or None; what counts is `dynamics`' to say.
        """
        decoder = self._decoder
        if self._time is not None:
            decoder.delta_time[0] = max(0.0, time - self._time)
        self._time = time
        decoder.button[0] = button
        decoder.step()
        key = self._draw(decoder.logits)
        if velocity is None or not self.dynamics.device:
            if decoder.velocity is None or not self.dynamics.model:
                velocity = self.dynamics.fixed
            else:
                velocity = min(127, max(1, round(float(decoder.velocity[key]))))
        decoder.prev_key[0] = key
        decoder.prev_velocity[0] = velocity
        return key, velocity

    def _draw(self, logits: np.ndarray) -> int:
        best = int(logits.argmax())
        if self.temperature < _COLDEST:
            return best
        weights = np.exp((logits - logits[best]) / self.temperature)
        cumulative = weights.cumsum()
        drawn = int(cumulative.searchsorted(self._random.random() * cumulative[-1], side="right"))
        return drawn if drawn < NUM_KEYS else best
