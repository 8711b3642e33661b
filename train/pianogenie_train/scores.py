"""What a model is worth: the scores, lower being better, all of them.

ppl, cvr and hand ppl are made on all whole windows of 128 notes of a split, each from a fresh state; gold on
melodies (melodies.py); free cvr on button patterns (patterns.py). The definitions are those of docs/training.md.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from pianogenie.errors import UserError
from pianogenie.keys import FIRST_DELTA_TIME_S, NO_KEY
from pianogenie_train import hands, melodies
from pianogenie_train.data import Prepared, whole_windows
from pianogenie_train.losses import perplexity
from pianogenie_train.patterns import patterns
from pianogenie_train.players import Player
from pianogenie_train.prepare import WINDOW_NOTES

FREE_TEMPERATURE = 0.25
_BATCH = 64  # windows
_SEED = 0  # of jitter, patterns and sampling: two evaluations of one model agree


@dataclass
class Scores:
    """A model's scores; None where a model without an encoder, or without buttons, has none."""

    ppl: float | None  # perplexity of the true key, with the encoder's buttons; without any of a language model
    cvr: float | None  # share of steps whose button moves against the pitch
    gold: float | None  # mean squared error, in buttons, on melodies
    hand_ppl: float | None  # perplexity with buttons of hand-like rules, over all rules
    free_cvr: float | None  # share of steps whose sampled key moves against the button, worst pattern
    velocity_mae: float | None = None  # mean error of the expected velocity; None where the model expects none
    velocity_mae_constant: float | None = None  # the same of the split's best constant guess
    hand_ppl_by_rule: dict[str, float] = field(default_factory=dict)
    free_cvr_by_pattern: dict[str, float] = field(default_factory=dict)
    windows: int = 0


def evaluate(
    player: Player,
    data: Prepared,
    split: str = "validation",
    progress: Callable[[Iterator, int], Iterator] = lambda batches, _count: batches,
) -> Scores:
    """All scores of a model on a split. `progress` wraps the batches, of which it is told the number.

    Raises UserError if the split holds no whole window.
    """
    windows = len(data.windows(split, WINDOW_NOTES))
    if not windows:
        raise UserError(f"{data.folder}: no {split} piece has {WINDOW_NOTES} notes; prepare more files")
    encoded, wrong, loudness = Mean(), Mean(), Mean()
    velocities = np.zeros(128)  # how often each was played
    rules = hands.RULES if player.num_buttons else ()
    by_rule = {rule.name: Mean() for rule in rules}
    rng = np.random.default_rng(_SEED)
    batches = whole_windows(data, split, WINDOW_NOTES, _BATCH)
    for batch in progress(batches, -(-windows // _BATCH)):
        keys, delta_times = batch.keys.numpy(), batch.delta_times.numpy()
        if player.can_encode or not player.num_buttons:
            buttons = player.encode(keys, delta_times) if player.can_encode else np.zeros_like(keys)
            logits, expected = player.hear(keys, delta_times, buttons)
            encoded.add(nats(logits, keys))
            played = batch.velocities.numpy()
            velocities += np.bincount(played.astype(np.int64).ravel(), minlength=128)
            if expected is not None:
                loudness.add(np.abs(expected - played))
            wrong.add(against(buttons, keys))
        for rule in rules:
            buttons = hands.buttons_of(rule, keys, delta_times, player.num_buttons, rng)
            by_rule[rule.name].add(nats(player.hear(keys, delta_times, buttons)[0], keys))
    free = free_cvr(player) if player.num_buttons else {}
    return Scores(
        ppl=perplexity(encoded.mean) if encoded else None,
        cvr=wrong.mean if player.can_encode else None,
        gold=gold(player) if player.can_encode else None,
        hand_ppl=perplexity(sum(m.mean for m in by_rule.values()) / len(by_rule)) if by_rule else None,
        free_cvr=max(free.values()) if free else None,
        velocity_mae=loudness.mean if loudness else None,
        velocity_mae_constant=_constant_error(velocities) if loudness else None,
        hand_ppl_by_rule={name: perplexity(m.mean) for name, m in by_rule.items()},
        free_cvr_by_pattern=free,
        windows=windows,
    )


def gold(player: Player) -> float:
    """Mean squared error, in buttons, of the encoder on the melodies, over all notes and transpositions."""
    error = Mean()
    for melody in melodies.load():
        keys = melody.transposed()
        delta_times = np.full(keys.shape, melodies.DELTA_TIME_S, np.float32)
        off = player.encode(keys, delta_times) - melody.buttons_for(player.num_buttons)
        error.add(off.astype(np.float64) ** 2)
    return error.mean


def free_cvr(player: Player) -> dict[str, float]:
    """The share of steps whose sampled key moves against the button, by pattern."""
    rng = np.random.default_rng(_SEED)
    return {
        name: float(against(buttons, sample(player, buttons, delta_times, FREE_TEMPERATURE, rng)).mean())
        for name, (buttons, delta_times) in patterns(player.num_buttons, rng).items()
    }


def sample(
    player: Player, buttons: np.ndarray, delta_times: np.ndarray, temperature: float, rng: np.random.Generator
) -> np.ndarray:
    """Play buttons int64 [B, N] at delta_times float32 [B, N]: each key is drawn, and heard by the next step."""
    state, keys = player.start(len(buttons)), np.empty_like(buttons)
    prev_key = np.full(len(buttons), NO_KEY)
    delta_times = delta_times.copy()
    delta_times[:, 0] = FIRST_DELTA_TIME_S
    for n in range(buttons.shape[1]):
        logits, state = player.step(prev_key, delta_times[:, n], buttons[:, n], state)
        # The largest of logits plus Gumbel noise is a draw from their softmax (Gumbel 1954).
        prev_key = keys[:, n] = (logits / temperature + rng.gumbel(size=logits.shape)).argmax(axis=1)
    return keys


def nats(logits: np.ndarray, keys: np.ndarray) -> np.ndarray:
    """Cross-entropy of the true keys int64 [B, N] under logits float [B, N, 88]: float64 [B, N]."""
    logits = logits.astype(np.float64)
    top = logits.max(axis=-1)
    total = top + np.log(np.exp(logits - top[..., None]).sum(axis=-1))
    return total - np.take_along_axis(logits, keys[..., None], axis=-1)[..., 0]


def against(buttons: np.ndarray, keys: np.ndarray) -> np.ndarray:
    """Whether each step of buttons [B, N] goes the other way than the keys' [B, N]: bool [B, N - 1]."""
    return np.sign(np.diff(buttons, axis=1)) * np.sign(np.diff(keys, axis=1)) < 0


def _constant_error(counts: np.ndarray) -> float:
    """The mean error of always guessing the median of velocities that were played `counts` [128] times each."""
    median = np.searchsorted(counts.cumsum(), counts.sum() / 2)
    return float((np.abs(np.arange(128) - median) * counts).sum() / counts.sum())


class Mean:
    """A mean over batches of unequal size."""

    def __init__(self) -> None:
        self._sum, self._count = 0.0, 0

    def add(self, values: np.ndarray) -> None:
        self._sum += float(values.sum())
        self._count += values.size

    def __bool__(self) -> bool:
        return self._count > 0

    @property
    def mean(self) -> float:
        return self._sum / self._count
