"""When a checkpoint is written and how (whole, or not at all), and what a signal does.

Of several processes the first alone writes; that a checkpoint is due, that a signal came and that the disk is full
they decide together (ranks.py).
"""

import contextlib
import io
import signal
import time
from typing import Any

import lightning as L
import torch
from lightning.pytorch.plugins.io import TorchCheckpointIO

from pianogenie.errors import UserError
from pianogenie.files import written_whole
from pianogenie_train import ranks
from pianogenie_train.runs import BEST, LAST, Run

SAVE_EVERY_S = 60.0


class WholeFiles(TorchCheckpointIO):
    """Checkpoint files that are written whole, or not at all. The first process alone writes; its `fault`, if the disk
    refuses, waits there until all can hear of it."""

    fault: UserError | None = None

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        buffer = io.BytesIO()  # torch reports a full disk as a fault of its own
        torch.save(checkpoint, buffer)
        try:
            with written_whole(path) as temporary:
                temporary.write_bytes(buffer.getbuffer())
        except UserError as error:
            self.fault = error


class Checkpoints(L.Callback):
    """Writes last.ckpt every `save_every_s` seconds and when the run ends, best.ckpt when validation says so.

    Ctrl-C and SIGTERM end the run after the step under way, with a last look at validation; a second Ctrl-C
    ends it at once.
    """

    def __init__(self, run: Run, save_every_s: float = SAVE_EVERY_S):
        self.run, self.save_every_s = run, save_every_s
        self.files = WholeFiles()
        self.best_nats: float | None = None
        self.best_ppl: float | None = None
        self.stopped = False
        self._asked = False  # by a signal, here; `stopped` once all processes know
        self._saved = time.monotonic()

    def on_train_start(self, _trainer: L.Trainer, _module: L.LightningModule) -> None:
        # Not earlier: Lightning puts its own handlers in place when it starts, and its SIGTERM saves nothing.
        def stop(number: int, _frame: Any) -> None:
            self._asked = True
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)

        self._handlers = {}
        with contextlib.suppress(ValueError):  # not the main thread: its signals are not ours
            for number in (signal.SIGINT, signal.SIGTERM):
                self._handlers[number] = signal.signal(number, stop)

    def teardown(self, trainer: L.Trainer, _module: L.LightningModule, stage: str) -> None:
        if stage == "fit":
            for number, handler in getattr(self, "_handlers", {}).items():
                signal.signal(number, handler)

    def on_train_batch_end(self, trainer: L.Trainer, *_: Any) -> None:
        # When stopping, at once: Lightning looks at validation before it ends, and may be interrupted there.
        asked, due = ranks.largest(self._asked, time.monotonic() - self._saved >= self.save_every_s)
        if asked:
            self.stopped = trainer.should_stop = True
        if asked or due:
            self.save(trainer, LAST)

    def on_validation_end(self, trainer: L.Trainer, _module: L.LightningModule) -> None:
        if trainer.state.fn == "fit":
            self.consider(trainer)
            if ranks.largest(self._asked)[0]:
                self.stopped = trainer.should_stop = True

    def consider(self, trainer: L.Trainer) -> None:
        """Keep the weights as the best if validation has never been lower: its nats a note, of the encoder's windows
        and of hands', each by their share in training."""
        nats = float(trainer.callback_metrics["val/nats"])
        if self.best_nats is None or nats < self.best_nats:
            self.best_nats, self.best_ppl = nats, float(trainer.callback_metrics["val/ppl"])
            self.save(trainer, BEST)

    def save(self, trainer: L.Trainer, which: str) -> None:
        """Write a checkpoint whole, or leave the one before. Raises UserError, in every process, if that fails."""
        trainer.save_checkpoint(self.run.checkpoint(which))
        ranks.raise_together(self.files.fault)
        self._saved = time.monotonic()

    def state_dict(self) -> dict[str, Any]:
        return {"best_nats": self.best_nats, "best_ppl": self.best_ppl}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        # Runs of before hands counted know their lowest ppl alone, which is no measure for what comes.
        self.best_nats, self.best_ppl = state.get("best_nats"), state["best_ppl"]
