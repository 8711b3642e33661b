"""Prepared arrays -> windows of notes.

Training windows are random, and a batch is a function of the seed and the step's number alone: a run that is
resumed at step 5000 sees what it would have seen, with no state to save. Validation windows are all the
whole windows of every piece, one after the other.

Both give `keys` int64 [B, N] (0..87) and `delta_times` float32 [B, N] (seconds since the note before; the
first of a window has FIRST_DELTA_TIME_S, as at the start of play: each window starts from a fresh state).
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch.utils.data import IterableDataset, get_worker_info

from pianogenie.errors import UserError
from pianogenie.keys import FIRST_DELTA_TIME_S, NUM_KEYS
from pianogenie_train import hands, tunes
from pianogenie_train.config import Config
from pianogenie_train.facts import read_facts
from pianogenie_train.prepare import ARRAYS, FORMAT

_NONE = torch.zeros(0, 1, dtype=torch.int64)

_MOST_FACTS_BYTES = 1 << 30  # a few hundred a piece


class Batch(NamedTuple):
    """Windows of notes, as torch tensors."""

    keys: torch.Tensor  # int64 [B, N]
    delta_times: torch.Tensor  # float32 [B, N]
    velocities: torch.Tensor  # float32 [B, N], 1..127
    hands: torch.Tensor  # int64 [H, N], H <= B: a hand's buttons for the first H windows
    tune_keys: torch.Tensor = _NONE  # int64 [T, M]: tunes made up (tunes.py), beside the windows
    tune_delta_times: torch.Tensor = _NONE  # float32 [T, M]
    tune_buttons: torch.Tensor = _NONE  # int64 [T, M]

    def share(self, rank: int, world: int) -> "Batch":
        """What the process `rank` of `world` learns from: every `world`th window, as many of each kind as the others.

        So a mean over a process's windows, averaged over the processes, is the mean over the batch. Raises UserError
        where the windows of a kind cannot be shared out alike.
        """
        for windows in map(len, self):
            if windows % world:
                raise UserError(
                    f"{windows} of the {len(self.keys)} windows of a batch are of a kind that {world} processes cannot "
                    "share alike; give another --batch, or start another number of processes"
                )
        return Batch(*(tensor[rank::world] for tensor in self))


class Prepared:
    """A data folder, its arrays mapped into memory (see prepare.py). Raises UserError if it is not one."""

    def __init__(self, folder: Path):
        self.folder = folder
        data = read_facts(folder / "data.json", FORMAT, "pianogenie train prepare", _MOST_FACTS_BYTES)
        try:
            self.command = str(data["command"])
            self.sources = [str(name) for name in data["sources"]]
            self.report = data["report"]
            self.collection = data.get("collection")  # sources.collection; data of earlier trainers do without
            self.fingerprint: str | None = self.collection.get("sha256") if isinstance(self.collection, dict) else None
            self._starts, self._lengths = (
                np.array([piece[name] for piece in data["pieces"]], np.int64) for name in ("start", "length")
            )
            self._splits = np.array([piece["split"] for piece in data["pieces"]])
            self.keys, self.onsets, self.durations, self.velocities = (self._array(name) for name in ARRAYS)
        except (KeyError, TypeError, ValueError, OSError) as error:
            raise UserError(f"{folder}: damaged ({error}); prepare it again") from error
        notes = int(self._lengths.sum())
        for name in ARRAYS:
            if getattr(self, name).shape != (notes,):
                raise UserError(f"{folder / name}.npy: does not hold the {notes} notes of data.json; prepare it again")

    def __reduce__(self) -> tuple:
        return Prepared, (self.folder,)  # another process maps the arrays anew, rather than be sent them

    def pieces(self, split: str) -> tuple[np.ndarray, np.ndarray]:
        """Where the pieces of a split lie: starts int64 [P] and lengths int64 [P], in notes."""
        ours = self._splits == split
        return self._starts[ours], self._lengths[ours]

    def windows(self, split: str, length: int) -> np.ndarray:
        """The first notes, int64 [W], of all whole windows of `length` notes of every piece of a split."""
        starts, lengths = self.pieces(split)
        return np.concatenate(
            [start + length * np.arange(n // length) for start, n in zip(starts, lengths, strict=True)]
            or [np.zeros(0, np.int64)]
        ).astype(np.int64)

    def gather(self, firsts: np.ndarray, length: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The windows that start at the notes `firsts` [B], each [B, N]: keys int64, delta times float64 (s),
        velocities uint8."""
        notes = firsts[:, None] + np.arange(length)
        delta_times = np.diff(self.onsets[notes], axis=1, prepend=0.0)
        delta_times[:, 0] = FIRST_DELTA_TIME_S
        return self.keys[notes].astype(np.int64), delta_times, self.velocities[notes]

    def _array(self, name: str) -> np.ndarray:
        path = self.folder / f"{name}.npy"
        if path.stat().st_size <= 128:
            raise ValueError(f"{path.name} is empty")
        return np.load(path, mmap_mode="r", allow_pickle=False)


class RandomBatches(IterableDataset):
    """The batches of a run, from its step `first_step` on, without end.

    Each window is anywhere in any piece, every place as likely as every other, transposed by up to
    ±transpose_max semitones (fewer where a key would leave the keyboard) and stretched by up to ±stretch_max.
    Of several processes, each gets its share. Raises UserError if no training piece is as long as a window, or if a
    batch cannot be shared alike.
    """

    def __init__(self, data: Prepared, config: Config, first_step: int = 0, rank: int = 0, world: int = 1):
        self.data, self.config, self.first_step = data, config, first_step
        self._share = (rank, world)
        starts, lengths = data.pieces("train")
        long_enough = lengths >= config.window
        if not long_enough.any():
            raise UserError(f"{data.folder}: no training piece has {config.window} notes; prepare more files")
        self._starts = starts[long_enough]
        self._places = np.cumsum(lengths[long_enough] - config.window + 1)
        self.batch(first_step).share(*self._share)

    def __iter__(self) -> Iterator[Batch]:
        maker = get_worker_info()  # of several processes that make batches in turn; None in the training's own
        step, stride = (self.first_step + maker.id, maker.num_workers) if maker else (self.first_step, 1)
        while True:
            yield self.batch(step).share(*self._share)
            step += stride

    def batch(self, step: int) -> Batch:
        """The whole batch of a step: a function of the seed and the step alone."""
        config = self.config
        rng = np.random.default_rng([config.seed, step])
        places = rng.integers(self._places[-1], size=config.batch_size)
        pieces = np.searchsorted(self._places, places, side="right")
        offsets = places - np.where(pieces > 0, self._places[pieces - 1], 0)
        keys, delta_times, velocities = self.data.gather(self._starts[pieces] + offsets, config.window)
        down = np.minimum(keys.min(axis=1), config.transpose_max)
        up = np.minimum(NUM_KEYS - 1 - keys.max(axis=1), config.transpose_max)
        keys += rng.integers(-down, up + 1)[:, None]
        stretch = rng.uniform(1 - config.stretch_max, 1 + config.stretch_max, size=(config.batch_size, 1))
        delta_times *= stretch
        by_hand = round(config.hand_share * config.batch_size)
        played = hands.drawn_buttons(keys[:by_hand], delta_times[:by_hand], config.num_buttons, rng)
        made_up = tunes.draw(round(config.tune_share * config.batch_size), config.num_buttons, rng)
        return _batch(keys, delta_times, velocities, played, made_up)


def whole_windows(
    data: Prepared, split: str, length: int, batch_size: int, rank: int = 0, world: int = 1, num_buttons: int = 0
) -> Iterator[Batch]:
    """All whole windows of `length` notes of a split, in the order of the pieces; of several processes, every
    `world`th for each. With `num_buttons`, the hands of RULES in turn play each of them too, the same every time."""
    firsts = data.windows(split, length)[rank::world]
    for at in range(0, len(firsts), batch_size):
        keys, delta_times, velocities = data.gather(firsts[at : at + batch_size], length)
        played = np.zeros((0, length), np.int64)
        if num_buttons:
            rng = np.random.default_rng([rank, at])
            played = hands.buttons_of(hands.in_turn(len(keys)), keys, delta_times, num_buttons, rng)
        yield _batch(keys, delta_times, velocities, played)


_NO_TUNES = (np.zeros((0, 1), np.int64), np.zeros((0, 1)), np.zeros((0, 1), np.int64))


def _batch(
    keys: np.ndarray,
    delta_times: np.ndarray,
    velocities: np.ndarray,
    played: np.ndarray,
    made_up: tuple[np.ndarray, np.ndarray, np.ndarray] = _NO_TUNES,
) -> Batch:
    tune_keys, tune_delta_times, tune_buttons = made_up
    arrays = (
        keys,
        delta_times.astype(np.float32),
        velocities.astype(np.float32),
        played,
        tune_keys,
        tune_delta_times.astype(np.float32),
        tune_buttons,
    )
    return Batch(*(torch.from_numpy(array) for array in arrays))


class WholeWindows(IterableDataset):
    """`whole_windows` as a torch data set. Raises UserError if the split holds none, or fewer than processes."""

    def __init__(
        self,
        data: Prepared,
        split: str,
        length: int,
        batch_size: int,
        rank: int = 0,
        world: int = 1,
        num_buttons: int = 0,
    ):
        self._arguments = (data, split, length, batch_size, rank, world, num_buttons)
        windows = len(data.windows(split, length))
        if not windows:
            raise UserError(f"{data.folder}: no {split} piece has {length} notes; prepare more files")
        if windows < world:
            raise UserError(f"{data.folder}: {windows} {split} windows are too few for {world} processes")
        self._batches = -(-len(range(rank, windows, world)) // batch_size)

    def __len__(self) -> int:
        return self._batches

    def __iter__(self) -> Iterator[Batch]:
        return whole_windows(*self._arguments)
