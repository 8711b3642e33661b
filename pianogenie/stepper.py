"""One performance's way through a decoder: buffers handed to onnxruntime once, then written in place.

A call of `session.run` wraps its inputs and allocates its outputs each time, which costs as much as a third of the
decoder's own arithmetic. Here both are bound beforehand and a step is one call without arguments.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from pianogenie.keys import FIRST_DELTA_TIME_S, NO_KEY, NUM_KEYS
from pianogenie.model import Decoder


class Outcome:
    """What a step leaves behind, a row a button.

    Attributes:
        logits: float32 [B, 88].
        velocity: float32 [B, 88], the velocity expected of each key, or None where the model expects none.
        state: float32 [B, S], the next.
        states: the same, row by row.
    """

    def __init__(self, decoder: Decoder, rows: int):
        self.state = decoder.zero_state(rows)
        self.logits = np.zeros((rows, NUM_KEYS), np.float32)
        self._velocity = np.zeros((rows, NUM_KEYS), np.float32)
        self.velocity = self._velocity if decoder.gives_velocity else None
        self.states = _rows_of(self.state)

    def bound(self) -> dict[str, np.ndarray]:
        """The buffers, by the names of the decoder's outputs."""
        return {"logits": self.logits, "velocity": self._velocity, "next_state": self.state}


class Stepper:
    """A step of the decoder for every button at once: what the next press would play, whichever it is.

    All but the button is the same; a decoder that can do with a single row of that is given no more. Eight buttons
    take little longer than one, and what does not depend on the button's moment can be worked out before it is pressed.
    `go_on` says which it was.

    Args:
        decoder: of a loaded model.
        num_buttons: B, rows.
        outcomes: how many are kept side by side.
    """

    def __init__(self, decoder: Decoder, num_buttons: int, outcomes: int = 1):
        rows = 1 if decoder.single_rows else num_buttons
        self._prev_key = np.full(rows, NO_KEY, np.int64)
        self._delta_time = np.full(rows, FIRST_DELTA_TIME_S, np.float32)
        self._prev_velocity = np.zeros(rows, np.float32)
        self._state = decoder.zero_state(rows)
        self.outcomes = [Outcome(decoder, num_buttons) for _ in range(outcomes)]
        inputs = {
            "prev_key": self._prev_key,
            "delta_time": self._delta_time,
            "button": np.arange(num_buttons, dtype=np.int64),
            "prev_velocity": self._prev_velocity,
            "state": self._state,
        }
        self._steps: list[Callable[[], None]] = [decoder.bind(inputs | each.bound()) for each in self.outcomes]
        # So small, the arrays are written faster through plain views: numpy's first call after a pause takes 20 us.
        self._rows = range(rows)
        self._keys, self._times, self._velocities = map(
            memoryview, (self._prev_key, self._delta_time, self._prev_velocity)
        )
        self._states = _rows_of(self._state)

    def step(self, delta_time: float, slot: int = 0) -> Outcome:
        """What each button would give, pressed so many seconds after the last one; written into `outcomes[slot]`."""
        times = self._times
        for row in self._rows:
            times[row] = delta_time
        self._steps[slot]()
        return self.outcomes[slot]

    def go_on(self, outcome: Outcome, button: int, key: int, velocity: int) -> None:
        """This button was pressed, the row of an outcome (of any stepper of this decoder), and this key (0..87) and
        velocity (1..127) sounded."""
        state, keys, velocities = outcome.states[button], self._keys, self._velocities
        for row in self._rows:
            self._states[row][:] = state
            keys[row] = key
            velocities[row] = velocity


def _rows_of(array: np.ndarray) -> list[memoryview]:
    return [memoryview(row) for row in array]
