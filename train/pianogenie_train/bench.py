"""How quick training is on this machine: notes a second, what loading takes of the time, and the way to a perplexity.

What is timed is the training itself (loop.py), in a run that is thrown away.
"""

import json
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import torch
from lightning.pytorch.profilers import SimpleProfiler

from pianogenie.errors import UserError
from pianogenie_train import loop, ranks
from pianogenie_train.config import Config
from pianogenie_train.data import Prepared
from pianogenie_train.prepare import ARRAYS, FORMAT

WARMUP_STEPS = 5
LEAST_STEPS = 5
_LOADING = "[_TrainingEpochLoop].train_dataloader_next"
"""What Lightning calls the time in which it waits for a batch."""
_NEVER = 10**9
_MADE_UP_NOTES = 400_000


@dataclass(frozen=True)
class Speed:
    """How quick training went, after a few steps to get warm."""

    device: str
    threads: int
    notes_per_s: float
    step_ms: float  # the mean
    loading_share: float  # of the time, 0..1: how much of it training waited for data
    steps: int
    seconds: float


@dataclass(frozen=True)
class Quality:
    """How long it took to a perplexity on validation."""

    wanted_ppl: float
    reached: bool
    ppl: float | None  # the last that was measured, or the best if it was not reached
    seconds: float  # since training was asked for, with all that is part of it
    steps: int
    notes_per_s: float  # of that time


class _Enough(Exception):
    """The measurement is over; Lightning lets it through."""


class _Stopwatch(L.Callback):
    """Times steps from WARMUP_STEPS on, for `seconds`."""

    def __init__(self, seconds: float):
        self.seconds, self.notes, self.steps, self.took = seconds, 0, 0, 0.0
        self.device = ""
        self.profiler = SimpleProfiler()

    def setup(self, trainer: L.Trainer, _module: L.LightningModule, stage: str) -> None:
        trainer.profiler = self.profiler

    def on_train_batch_end(self, _trainer: Any, module: L.LightningModule, _outputs: Any, batch: Any, *_: Any) -> None:
        now = time.perf_counter()
        if module.global_step <= WARMUP_STEPS:
            self._began, self._loaded = now, self._loading()
            return
        self.notes += ranks.world() * batch[0].numel()
        self.steps += 1
        self.took = now - self._began
        (over,) = ranks.largest(self.took >= self.seconds)
        if over and self.steps >= LEAST_STEPS:
            self.waited = self._loading() - self._loaded
            self.device = str(module.device)
            raise _Enough

    def _loading(self) -> float:
        return sum(self.profiler.recorded_durations[_LOADING])


class _Goal(L.Callback):
    """Ends a training whose validation perplexity is low enough."""

    def __init__(self, ppl: float):
        self.wanted, self.ppl, self.steps = ppl, None, 0

    def on_validation_end(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        if trainer.state.fn == "fit":
            self.ppl, self.steps = float(trainer.callback_metrics["val/ppl"]), module.global_step
            if self.ppl <= self.wanted:
                raise _Enough


def speed(config: Config, data: Prepared, seconds: float, device: str = "auto", threads: int | None = None) -> Speed:
    """Train for `seconds` after WARMUP_STEPS. Raises UserError as loop.fit does, and if it was stopped."""
    watch = _Stopwatch(seconds)
    with _thrown_away(config.but(steps=_NEVER, validate_every=_NEVER), data) as run:
        try:
            loop.fit(run, device=device, threads=threads, callbacks=[watch])
            raise UserError("bench: stopped before there was anything to tell")
        except _Enough:
            pass
    return Speed(
        watch.device,
        torch.get_num_threads(),
        watch.notes / watch.took,
        1000 * watch.took / watch.steps,
        watch.waited / watch.took,
        watch.steps,
        watch.took,
    )


def time_to_ppl(
    config: Config,
    data: Prepared,
    ppl: float,
    minutes: float | None = None,
    device: str = "auto",
    threads: int | None = None,
) -> Quality:
    """Train until validation's perplexity is `ppl` or less, or the configuration's steps or `minutes` are over.

    The schedule runs over whichever of these is nearer to its end. Raises UserError as loop.fit does, and if it was
    stopped.
    """
    goal, began = _Goal(ppl), time.perf_counter()

    def so_far(reached: bool, last_ppl: float | None, steps: int) -> Quality:
        took = time.perf_counter() - began
        return Quality(ppl, reached, last_ppl, took, steps, steps * config.batch_size * config.window / took)

    with _thrown_away(config, data) as run:
        try:
            outcome = loop.fit(run, minutes=minutes, device=device, threads=threads, callbacks=[goal])
        except _Enough:
            return so_far(True, goal.ppl, goal.steps)
    # The last look of all comes after the last step, when no callback is asked any more.
    found = so_far(outcome.ppl is not None and outcome.ppl <= ppl, outcome.ppl, outcome.step)
    if outcome.stopped:
        last = f"at a validation ppl of {outcome.ppl or float('nan'):.3f}"
        raise UserError(f"bench: stopped after {found.seconds:.0f} s, {last}")
    return found


@contextmanager
def made_up(window: int):
    """A data folder of wandering notes, gone afterwards: enough that training has to look for them in the file."""
    rng = np.random.default_rng(0)
    held_out = 2 * window
    arrays = {
        "keys": np.clip(40 + np.cumsum(rng.choice([-2, -1, 1, 2], _MADE_UP_NOTES)) % 40, 0, 87),
        "onsets": np.cumsum(rng.exponential(0.15, _MADE_UP_NOTES)),
        "durations": np.full(_MADE_UP_NOTES, 0.2),
        "velocities": rng.integers(30, 100, _MADE_UP_NOTES),
    }
    lengths = {"train": _MADE_UP_NOTES - held_out, "validation": held_out}
    pieces = [
        {"name": "made up", "source": 0, "split": split, "start": start, "length": lengths[split], "seconds": 0.0}
        for split, start in (("train", 0), ("validation", lengths["train"]))
    ]
    report = {"splits": {split: {"notes": notes} for split, notes in lengths.items()}}
    facts = {"format": FORMAT, "command": "", "sources": ["made up"], "report": report, "pieces": pieces}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for name, kind in ARRAYS.items():
            np.save(folder / f"{name}.npy", arrays[name].astype(kind))
        (folder / "data.json").write_text(json.dumps(facts), encoding="utf-8")
        yield Prepared(folder)


@contextmanager
def _thrown_away(config: Config, data: Prepared):
    with tempfile.TemporaryDirectory() as place:
        yield loop.new_run(Path(place) / "run", config, "bench", data, "")
