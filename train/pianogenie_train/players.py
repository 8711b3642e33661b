"""A model that can be scored, whether it lies in a run (torch) or in a model folder (ONNX).

All arrays are numpy's. A window begins from a fresh state, with nothing played before.
"""

from typing import Any, Protocol

import numpy as np
import torch

from pianogenie.keys import NO_KEY
from pianogenie.model import Model
from pianogenie_train.model import Autoencoder
from pianogenie_train.steps import one_step


class Player(Protocol):
    """What scores.py needs of a model."""

    num_buttons: int  # 0: a language model, which hears none
    can_encode: bool

    def encode(self, keys: np.ndarray, delta_times: np.ndarray) -> np.ndarray:
        """keys int64 [B, N], delta_times float32 [B, N] (s) -> buttons int64 [B, N]."""

    def hear(
        self, keys: np.ndarray, delta_times: np.ndarray, buttons: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Teacher forced: keys, buttons int64 [B, N], delta_times float32 [B, N] -> logits float32 [B, N, 88], and
        the velocity expected of each true key, float32 [B, N] (1..127), or None from a model that knows none."""

    def start(self, batch: int) -> Any:
        """The state of `batch` rows before anything was played."""

    def step(
        self, prev_key: np.ndarray, delta_time: np.ndarray, button: np.ndarray, state: Any
    ) -> tuple[np.ndarray, Any]:
        """prev_key, button int64 [B], delta_time float32 [B] -> logits float32 [B, 88] and the next state."""


class TorchPlayer:
    """A model out of a run."""

    def __init__(self, model: Autoencoder):
        self.model, self.num_buttons, self.can_encode = model.eval(), model.num_buttons, bool(model.num_buttons)
        self._one_step = one_step(model)

    @torch.no_grad()
    def encode(self, keys, delta_times):
        return self.model.buttons(torch.from_numpy(keys), torch.from_numpy(delta_times)).numpy()

    @torch.no_grad()
    def hear(self, keys, delta_times, buttons):
        logits, velocities = self.model.hear(*(torch.from_numpy(a) for a in (keys, delta_times, buttons)))
        return logits.numpy(), None if velocities is None else _of_keys(velocities.numpy(), keys)

    def start(self, batch):
        return torch.zeros(batch, self._one_step.state_size)

    @torch.no_grad()
    def step(self, prev_key, delta_time, button, state):
        inputs = (torch.from_numpy(np.ascontiguousarray(a)) for a in (prev_key, delta_time, button))
        logits, state, *_ = self._one_step(*inputs, state)
        return logits.numpy(), state


class FolderPlayer:
    """A model folder, through the instrument's own reader."""

    def __init__(self, model: Model):
        self.model, self.num_buttons, self.can_encode = model, model.num_buttons, model.encoder is not None

    def encode(self, keys, delta_times):
        return self.model.encoder.encode(keys, delta_times)

    def hear(self, keys, delta_times, buttons):
        state, steps = self.start(len(keys)), []
        prev_key = np.full(len(keys), NO_KEY)
        for n in range(keys.shape[1]):
            logits, state, velocities = self._step(prev_key, delta_times[:, n], buttons[:, n], state)
            prev_key = keys[:, n]
            steps.append((logits, None if velocities is None else _of_keys(velocities, prev_key)))
        logits, velocities = zip(*steps, strict=True)
        return np.stack(logits, axis=1), None if velocities[0] is None else np.stack(velocities, axis=1)

    def start(self, batch):
        return self.model.decoder.zero_state(batch)

    def step(self, prev_key, delta_time, button, state):
        return self._step(prev_key, delta_time, button, state)[:2]

    def _step(self, prev_key, delta_time, button, state):
        inputs = (np.ascontiguousarray(a) for a in (prev_key, delta_time, button))
        return self.model.decoder.step(*inputs, state)


def _of_keys(velocities: np.ndarray, keys: np.ndarray) -> np.ndarray:
    """Of velocities [..., 88] those of the keys [...]."""
    return np.take_along_axis(velocities, keys[..., None], axis=-1)[..., 0]
