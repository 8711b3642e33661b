"""One of two processes that train together, as torchrun starts them; several trainings in a row, since a start is slow.

    two_processes.py DATA OUT    (RANK and its kin in the environment)

Each process writes what it saw of every training to OUT/seen-RANK.json.
"""

import json
import os
import signal
import sys
from pathlib import Path

import lightning as L
import torch
from pianogenie_train import bench, config, loop, losses, ranks
from pianogenie_train.data import Prepared

from pianogenie.errors import UserError
from tests.trainer.faults import full_disk

# Dropout is drawn by each process for itself, so that with it two lose what one loses but for chance.
NETWORK = {"rnn_dim": 8, "window": 32, "batch_size": 8, "hand_share": 1 / 2, "dropout": 0}
SETTINGS = config.named("genie").but(**NETWORK, steps=6, validate_every=3, warmup_steps=0, schedule="constant")


class Watch(L.Callback):
    """Notes the loss of each step, and does `at_step[n]` after step n."""

    def __init__(self, at_step=None):
        self.losses, self.at_step = [], at_step or {}

    def on_train_batch_end(self, _trainer, module, *_):
        self.losses.append(module.status["loss"])
        self.at_step.get(module.global_step, lambda: None)()


def training(data: Path, out: Path, settings: config.Config, resume: bool = False, at_step=None, **options) -> dict:
    """Train; what became of it, fit for JSON."""
    watch = Watch(at_step)
    prepared = Prepared(data)
    if resume:
        run = loop.resumed_run(out, {"steps": settings.steps}, None, prepared, "")
    else:
        run = loop.new_run(out, settings, "genie", prepared, "")
    try:
        outcome = loop.fit(run, resume=resume, device="cpu", threads=1, callbacks=[watch], **options)
    except UserError as error:
        return {"error": str(error), "losses": watch.losses}
    return {"step": outcome.step, "ppl": outcome.ppl, "stopped": outcome.stopped, "losses": watch.losses}


def main(data: Path, out: Path) -> None:
    seen, forever = {}, SETTINGS.but(steps=10**6, validate_every=10**6)
    seen["straight"] = training(data, out / "straight", SETTINGS)
    seen["first half"] = training(data, out / "halves", SETTINGS.but(steps=2))
    seen["second half"] = training(data, out / "halves", SETTINGS, resume=True)
    seen["time"] = training(data, out / "time", forever.but(schedule="cosine"), minutes=0.01)
    last = ranks.rank() == ranks.world() - 1
    asked = {3: lambda: os.kill(os.getpid(), signal.SIGTERM)} if last else {}
    seen["signal"] = training(data, out / "signal", forever, at_step=asked)
    with full_disk(10_000):  # no checkpoint fits, but all that comes before it
        seen["disk"] = training(data, out / "disk", SETTINGS, save_every_s=0)
    seen["uneven"] = training(data, out / "uneven", SETTINGS.but(batch_size=9))
    real, broken = losses.reconstruction, []
    losses.reconstruction = lambda *windows: real(*windows) * (float("nan") if broken else 1)
    breaks = {2: lambda: broken.append(True)} if last else {}
    seen["diverged"] = training(data, out / "diverged", SETTINGS, at_step=breaks, save_every_s=0)
    losses.reconstruction = real
    seen["speed"] = bench.speed(SETTINGS, Prepared(data), 0.5, "cpu", 1).steps
    (out / f"seen-{ranks.rank()}.json").write_text(json.dumps(seen))


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(*map(Path, sys.argv[1:]))
