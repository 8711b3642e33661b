"""The genie: a button and a time in, a key out. What goes on in its head may be over before the button is pressed."""

import secrets
import threading
from typing import NamedTuple

import numpy as np

from pianogenie import ticks
from pianogenie.dynamics import Dynamics
from pianogenie.keys import FIRST_DELTA_TIME_S, NUM_KEYS
from pianogenie.model import Model
from pianogenie.stepper import Outcome, Stepper

DEFAULT_TEMPERATURE = 0.25
"""What the paper's authors play with: lively, rarely wrong."""


class _Past(NamedTuple):
    """What was played last: when, in which tick, and what; `time` is None before anything was."""

    time: float | None = None
    tick: int = ticks.FIRST
    button: int = 0
    key: int = 0
    velocity: int = 0


class _Thought(NamedTuple):
    """What each button plays in one tick after a past, at one temperature; `outcome` is what the decoder made of it."""

    past: _Past
    tick: int
    temperature: float
    outcome: Outcome
    keys: list[int]


class _Luck:
    """What chance adds to each key's logit for one press, whichever button it is; ready for a temperature.

    Args:
        cast: float64 [88], Gumbel noise.
        temperature: expected.
    """

    def __init__(self, cast: np.ndarray, temperature: float):
        self._cast = cast
        self._temperature = temperature
        self._noise = temperature * cast

    def at(self, temperature: float) -> np.ndarray:
        """float64 [88]."""
        if temperature != self._temperature:
            self._temperature, self._noise = temperature, temperature * self._cast
        return self._noise


class Genie:
    """Remembers what was played and picks the next key.

    The same model, temperature, seed and presses give the same keys, live and offline, thought of ahead or not.
    Times are heard in ticks (`pianogenie.ticks`). `press` and `think_ahead` may be called on two threads; a press whose
    answer is there does not wait for the next tick's to be worked out.

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
        self._stepper = Stepper(model.decoder, model.num_buttons, outcomes=2)
        # Of this tick and the next, by turns: the place of each, here and in the stepper, is its number modulo 2.
        self._thoughts: list[_Thought | None] = [None, None]
        self._luck: _Luck = self._cast()
        self._next_luck: _Luck | None = None
        self._past = self._told = _Past()  # up to which the luck was cast and the stepper told
        self._mind = threading.Lock()  # held while the stepper is at work
        self._lock = threading.Lock()  # held for a moment, also within the other: the past, and which thoughts hold

    def press(self, button: int, time: float, velocity: int | None = None) -> tuple[int, int]:
        """The key (0..87) and velocity (1..127) for a button pressed at `time` (seconds).

        `velocity` is the device's, or None; what counts is `dynamics`' to say.
        """
        tick = self._tick_of(time)
        with self._lock:
            thought = self._at_hand(tick)
            if thought is not None:
                return self._play(thought, button, time, velocity)
        with self._mind:
            return self._play(self._think(tick), button, time, velocity)

    def think_ahead(self, time: float) -> float:
        """Work out what a press at `time` would play, unless that is done; never changes what will be played.

        Returns when there is more to think of, if nothing is pressed until then: the end of the tick, in seconds on the
        clock of `time`; infinity if there is not.
        """
        with self._mind:
            tick = self._tick_of(time)
            thought = self._think(tick)
            if self._next_luck is None:  # now there is time
                self._next_luck = self._cast()
            return ticks.end_of(thought.tick) + (thought.past.time or 0.0)

    def _tick_of(self, time: float) -> int:
        last = self._past.time
        return ticks.FIRST if last is None else ticks.tick_of(time - last)

    def _play(self, thought: _Thought, button: int, time: float, velocity: int | None) -> tuple[int, int]:
        key = thought.keys[button]
        if velocity is None or not self.dynamics.device:
            expected = thought.outcome.velocity
            if expected is None or not self.dynamics.model:
                velocity = self.dynamics.fixed
            else:
                velocity = min(127, max(1, round(expected.item(button, key))))
        self._past = _Past(time, thought.tick, button, key, velocity)
        return key, velocity

    def _at_hand(self, tick: int) -> _Thought | None:
        """What was thought of for a tick, if it still holds."""
        thought = self._thoughts[tick & 1]
        if thought is None or thought.past is not self._past or thought.tick != tick:
            return None
        return thought if thought.temperature == self.temperature else None

    def _think(self, tick: int) -> _Thought:
        """What each button plays in a tick; at hand, if that was asked before. For who holds the mind."""
        slot, temperature = tick & 1, self.temperature
        with self._lock:
            thought = self._at_hand(tick)
            if thought is not None:
                return thought
            # From here on the slot's outcome is being written; a press that needs it waits for the mind.
            self._thoughts[slot] = None
            past = self._past
        if past is not self._told:
            self._stepper.go_on(past.tick & 1, past.button, past.key, past.velocity)
            self._told, self._luck, self._next_luck = past, self._next_luck or self._cast(), None
        outcome = self._stepper.step(FIRST_DELTA_TIME_S if tick == ticks.FIRST else ticks.middle_of(tick), slot)
        # The highest of logits with this noise on each is a draw from their softmax (the Gumbel trick), at whatever
        # temperature: two calls for all buttons, where cumulated weights would take a dozen.
        keys = (outcome.logits + self._luck.at(temperature)).argmax(1).tolist()
        self._thoughts[slot] = thought = _Thought(past, tick, temperature, outcome, keys)
        return thought

    def _cast(self) -> _Luck:
        return _Luck(self._random.gumbel(size=NUM_KEYS), self.temperature)
