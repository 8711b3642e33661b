"""How often models use each button and each key, on pieces that no training saw."""

from dataclasses import dataclass

import numpy as np

from pianogenie.genie import DEFAULT_TEMPERATURE
from pianogenie.keys import NUM_KEYS
from pianogenie_train.data import Prepared
from pianogenie_train.players import Player
from pianogenie_train.prepare import WINDOW_NOTES
from pianogenie_train.scores import sample

MOST_WINDOWS = 128
_SEED = 0


@dataclass(frozen=True)
class Shares:
    """Shares 0..1 of each button and key: of a model's buttons, of the keys that it plays for them, of the pieces'."""

    buttons: list[float]
    played: list[float]
    found: list[float]


def count(player: Player, data: Prepared, split: str = "validation") -> Shares:
    """Count on windows spread evenly over the split, which holds one at least; the player can encode."""
    windows = data.windows(split, WINDOW_NOTES)
    chosen = np.linspace(0, len(windows) - 1, min(MOST_WINDOWS, len(windows))).round().astype(np.int64)
    keys, delta_times, _ = data.gather(windows[chosen], WINDOW_NOTES)
    delta_times = delta_times.astype(np.float32)
    buttons = player.encode(keys, delta_times)
    played = sample(player, buttons, delta_times, DEFAULT_TEMPERATURE, np.random.default_rng(_SEED))
    return Shares(_shares(buttons, player.num_buttons), _shares(played, NUM_KEYS), _shares(keys, NUM_KEYS))


def _shares(values: np.ndarray, kinds: int) -> list[float]:
    counts = np.bincount(values.ravel(), minlength=kinds)
    return (counts / counts.sum()).tolist()
