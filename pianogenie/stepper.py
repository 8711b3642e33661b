"""One performance's way through a decoder: buffers handed to onnxruntime once, then written in place.

A call of `session.run` wraps its inputs and allocates its outputs each time, which costs as much as a third of the
decoder's own arithmetic. Here both are bound beforehand and a step is one call without arguments.
"""

import numpy as np

from pianogenie.keys import FIRST_DELTA_TIME_S, NO_KEY, NUM_KEYS
from pianogenie.model import Decoder


class Stepper:
    """Write the inputs, call `step`, read the outputs; the state stays inside.

    Attributes:
        prev_key, button: int64 [1], and delta_time (s), prev_velocity: float32 [1], as for `Decoder.step`;
            they start as before the first press.
        logits: float32 [88], of the last step.
        velocity: float32 [88], the velocity expected of each key, or None where the model expects none.
    """

    def __init__(self, decoder: Decoder):
        self.prev_key = np.full(1, NO_KEY, np.int64)
        self.delta_time = np.full(1, FIRST_DELTA_TIME_S, np.float32)
        self.button = np.zeros(1, np.int64)
        self.prev_velocity = np.zeros(1, np.float32)
        logits = np.zeros((1, NUM_KEYS), np.float32)
        velocity = np.zeros((1, NUM_KEYS), np.float32)
        # Two states take turns: a graph may not read and write the same one.
        states = [decoder.zero_state(), decoder.zero_state()]
        buffers = {
            "prev_key": self.prev_key,
            "delta_time": self.delta_time,
            "button": self.button,
            "prev_velocity": self.prev_velocity,
            "logits": logits,
            "velocity": velocity,
        }
        self._step = decoder.bind({**buffers, "state": states[0], "next_state": states[1]})
        self._next_step = decoder.bind({**buffers, "state": states[1], "next_state": states[0]})
        self.logits = logits[0]
        self.velocity = velocity[0] if decoder.gives_velocity else None

    def step(self) -> None:
        """One press: read the inputs, move the state on, write the outputs."""
        self._step()
        self._step, self._next_step = self._next_step, self._step
