"""The genie: a button and a time in, a key out. It may have thought of the answer before the button is pressed."""

import secrets
import threading
from typing import NamedTuple

import numpy as np

from pianogenie import ticks
from pianogenie.dynamics import Dynamics
from pianogenie.keys import FIRST_DELTA_TIME_S, NUM_KEYS
from pianogenie.model import Model
from pianogenie.stepper import Stepper

DEFAULT_TEMPERATURE = 0.25
"""What the paper's authors play with: lively, rarely wrong."""

_COLDEST = 1e-6  # below it the most likely key is certain, and a division by it would overflow


class _Thought(NamedTuple):
    """What each button plays in one tick, at one temperature; `velocities` is None where the model has no opinion."""

    tick: int
    temperature: float
    keys: list[int]
    velocities: list[int] | None


class Genie:
    """Remembers what was played and picks the next key.

    The same model, temperature, seed and presses give the same keys, live and offline, thought of ahead or not.
    Times are heard in ticks (`pianogenie.ticks`). `press` and `think_ahead` may be called on two threads.

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
        self._chance: float | None = None  # the next press's number, once it is drawn
        self._stepper = Stepper(model.decoder, model.num_buttons, outcomes=2)
        # Of this tick and the next, by turns: a tick's place is its number modulo 2, in the stepper as well.
        self._thoughts: list[_Thought | None] = [None, None]
        self._played: tuple[int, int, int, int] | None = None  # what the stepper is yet to be told
        self._time: float | None = None
        self._lock = threading.Lock()

    def press(self, button: int, time: float, velocity: int | None = None) -> tuple[int, int]:
        """The key (0..87) and velocity (1..127) for a button pressed at `time` (seconds).

        `velocity` is the device's, or None; what counts is `dynamics`' to say.
        """
        with self._lock:
            tick = ticks.FIRST if self._time is None else ticks.tick_of(time - self._time)
            thought = self._thoughts[tick & 1]
            if thought is None or thought.tick != tick or thought.temperature != self.temperature:
                thought = self._think(tick)
            key = thought.keys[button]
            if velocity is None or not self.dynamics.device:
                if thought.velocities is None or not self.dynamics.model:
                    velocity = self.dynamics.fixed
                else:
                    velocity = thought.velocities[button]
            self._time = time
            self._played = (tick & 1, button, key, velocity)
            self._thoughts = [None, None]
            if thought.temperature >= _COLDEST:
                self._chance = None  # used up
            return key, velocity

    def think_ahead(self, time: float) -> float:
        """Work out what a press at `time` would play, unless that is done; never changes what will be played.

        Returns when there is more to think of, if nothing is pressed until then: the end of the tick, in seconds on the
        clock of `time`; infinity if there is not.
        """
        with self._lock:
            tick = ticks.FIRST if self._time is None else ticks.tick_of(time - self._time)
            thought = self._thoughts[tick & 1]
            if thought is None or thought.tick != tick or thought.temperature != self.temperature:
                self._think(tick)
            return ticks.end_of(tick) + (self._time or 0.0)

    def _think(self, tick: int) -> _Thought:
        stepper = self._stepper
        if self._played is not None:
            stepper.go_on(*self._played)
            self._played = None
        temperature = self.temperature  # may be changed meanwhile
        outcome = stepper.step(FIRST_DELTA_TIME_S if tick == ticks.FIRST else ticks.middle_of(tick), tick & 1)
        keys, velocities = self._draw(outcome.logits, temperature), outcome.velocity
        if velocities is not None:
            rows = velocities[range(len(keys)), keys]
            velocities = [min(127, max(1, round(value))) for value in rows.tolist()]
        self._thoughts[tick & 1] = thought = _Thought(tick, temperature, keys, velocities)
        return thought

    def _draw(self, logits: np.ndarray, temperature: float) -> list[int]:
        """A key for each row of logits [B, 88], all by the one chance that the next press has."""
        best = logits.argmax(1)
        if temperature < _COLDEST:
            return best.tolist()
        if self._chance is None:
            self._chance = self._random.random()
        weights = np.exp((logits - logits.max(1, keepdims=True)) / temperature)
        cumulative = weights.cumsum(1)
        drawn = (cumulative <= self._chance * cumulative[:, -1:]).sum(1)
        return np.where(drawn < NUM_KEYS, drawn, best).tolist()
