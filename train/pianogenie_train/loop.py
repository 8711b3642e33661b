"""The training loop: Lightning's Trainer, with checkpoints that survive whatever ends it.

The steps, devices, logs and the validation schedule are the library's. What is here: when a checkpoint is
written and how (whole, or not at all), what a signal does, and what is shown.
"""

import contextlib
import dataclasses
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import TQDMProgressBar
from lightning.pytorch.loggers import TensorBoardLogger
from torch.utils.data import DataLoader

from pianogenie.errors import UserError
from pianogenie.files import written_whole
from pianogenie_train import runs
from pianogenie_train.config import Config
from pianogenie_train.data import Prepared, RandomBatches, WholeWindows
from pianogenie_train.hushed import hushed
from pianogenie_train.runs import BEST, LAST, Run
from pianogenie_train.training import Training

SAVE_EVERY_S = 60.0
_ADVICE = (  # of Lightning to its users, which are not those who train a genie
    {"module": r"lightning.*"},
    {"message": ".*(worker|dataloader|IterableDataset).*"},
)
VALIDATION_BATCH = 128
"""Windows. Larger than in training: there is no gradient to keep."""


@dataclass(frozen=True)
class Outcome:
    """How a training ended."""

    step: int
    minutes: float
    ppl: float | None  # the best on validation
    stopped: bool  # by a signal, before its time


def fit(
    run: Run, *, resume: bool = False, minutes: float | None = None, device: str = "auto", threads: int | None = None
) -> Outcome:
    """Train the run's configuration on its data, from nothing or from its last checkpoint.

    `minutes` ends it early, `device` is Lightning's accelerator. Raises UserError for data that does not do, a
    checkpoint that does not fit, or a training that diverges (its last good checkpoint stays).
    """
    config = run.config
    checkpoint = runs.read_checkpoint(run.checkpoint(LAST), config) if resume else None
    data = Prepared(run.data)
    _check_data(data, run)
    batches = RandomBatches(data, config, checkpoint["global_step"] if checkpoint else 0)
    held_out = WholeWindows(data, "validation", config.window, VALIDATION_BATCH)
    if checkpoint and checkpoint["global_step"] >= config.steps:
        raise UserError(f"{run.folder}: its {config.steps} steps are done; give more with --steps")
    if threads:
        torch.set_num_threads(threads)
    torch.manual_seed(config.seed)
    run.save()
    module = Training(config, minutes)
    keeper = Checkpoints(run)
    in_terminal = sys.stderr.isatty()
    with hushed("lightning.pytorch", *_ADVICE):
        trainer = L.Trainer(
            accelerator=device,
            devices=1,
            max_steps=config.steps,
            max_epochs=-1,
            val_check_interval=config.validate_every,
            check_val_every_n_epoch=None,
            num_sanity_val_steps=0,
            logger=TensorBoardLogger(run.folder, name="", version="log"),
            log_every_n_steps=10,
            callbacks=[keeper, Bar() if in_terminal else Lines()],
            enable_progress_bar=in_terminal,
            enable_checkpointing=False,
            enable_model_summary=False,
        )
        trainer.fit(
            module,
            _loader(batches),
            _loader(held_out),
            ckpt_path=str(run.checkpoint(LAST)) if resume else None,
        )
        keeper.save(trainer, LAST)
        if not keeper.stopped:
            # The last weights have not been looked at unless the steps end on a multiple of validate_every.
            trainer.validate(module, _loader(held_out), verbose=False)
            keeper.consider(trainer)
    return Outcome(module.global_step, module.seconds() / 60, keeper.best_ppl, keeper.stopped)


class Checkpoints(L.Callback):
    """Writes last.ckpt about every minute and when the run ends, best.ckpt when validation says so.

    Ctrl-C and SIGTERM end the run after the step under way, with a last look at validation; a second Ctrl-C
    ends it at once.
    """

    def __init__(self, run: Run):
        self.run = run
        self.best_ppl: float | None = None
        self.stopped = False
        self._saved = time.monotonic()

    def on_train_start(self, trainer: L.Trainer, _module: L.LightningModule) -> None:
        # Not earlier: Lightning puts its own handlers in place when it starts, and its SIGTERM saves nothing.
        def stop(number: int, _frame: Any) -> None:
            self.stopped = trainer.should_stop = True
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
        if self.stopped or time.monotonic() - self._saved >= SAVE_EVERY_S:
            self.save(trainer, LAST)

    def on_validation_end(self, trainer: L.Trainer, _module: L.LightningModule) -> None:
        if trainer.state.fn == "fit":
            self.consider(trainer)

    def consider(self, trainer: L.Trainer) -> None:
        """Keep the weights as the best if validation has never been lower."""
        ppl = float(trainer.callback_metrics["val/ppl"])
        if self.best_ppl is None or ppl < self.best_ppl:
            self.best_ppl = ppl
            self.save(trainer, BEST)

    def save(self, trainer: L.Trainer, which: str) -> None:
        """Write a checkpoint whole, or leave the one before. Raises UserError if the disk refuses."""
        with written_whole(self.run.checkpoint(which)) as path:
            trainer.save_checkpoint(path)
        self._saved = time.monotonic()

    def state_dict(self) -> dict[str, Any]:
        return {"best_ppl": self.best_ppl}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.best_ppl = state["best_ppl"]


class Bar(TQDMProgressBar):
    """A progress bar over the whole run, for a terminal."""

    def get_metrics(self, _trainer: L.Trainer, module: Training) -> dict[str, str]:
        return {name: _short(name, value) for name, value in module.status.items()}

    def init_train_tqdm(self):
        bar = super().init_train_tqdm()
        bar.set_description("Training")
        return bar

    def on_train_epoch_start(self, trainer: L.Trainer, module: Training) -> None:
        super().on_train_epoch_start(trainer, module)
        self.train_progress_bar.reset(module.config.steps)
        self.train_progress_bar.initial = module.global_step
        self.train_progress_bar.set_description("Training")


class Lines(L.Callback):
    """A line now and then, for a log file."""

    def __init__(self, every_s: float = 30.0):
        self._every_s, self._shown = every_s, 0.0

    def on_train_batch_end(self, trainer: L.Trainer, module: Training, *_: Any) -> None:
        if time.monotonic() - self._shown >= self._every_s:
            self._show(module)

    def on_validation_end(self, _trainer: L.Trainer, module: Training) -> None:
        self._show(module)

    def _show(self, module: Training) -> None:
        self._shown = time.monotonic()
        facts = " ".join(f"{name} {_short(name, value)}" for name, value in module.status.items())
        print(f"step {module.global_step}/{module.config.steps} {facts}", file=sys.stderr, flush=True)


def _short(name: str, value: float) -> str:
    return f"{value:,.0f}" if name == "notes/s" else f"{value:.2%}" if "cvr" in name else f"{value:.3f}"


def _loader(batches) -> DataLoader:
    # In this process: a batch takes under a millisecond to make and a hundred times that to learn from.
    return DataLoader(batches, batch_size=None)


def _check_data(data: Prepared, run: Run) -> None:
    notes = data.report["splits"]["train"]["notes"]
    if notes != run.notes:
        raise UserError(
            f"{run.folder}: was trained on {run.notes} notes, {data.folder} holds {notes}; start a run of its own"
        )


def new_run(folder: Path, config: Config, config_name: str, data: Prepared, command: str) -> Run:
    """A run that is yet to start. Raises UserError if the folder is in use."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        way_out = "go on with --resume, or " if runs.is_run(folder) else ""
        raise UserError(f"{folder}: is there already; {way_out}name another")
    notes = int(data.report["splits"]["train"]["notes"])
    return Run(folder, config, config_name, data.folder, notes, [data.command, command])


def resumed_run(folder: Path, changes: dict[str, Any], config_name: str | None, data: Prepared, command: str) -> Run:
    """A run to go on with. Of its settings only those that leave its past what it was may change.

    Raises UserError for a folder that is no run, and for another configuration.
    """
    run = runs.open_run(folder)
    if config_name is not None and config_name != run.config_name:
        raise UserError(f"{folder}: is a run of the configuration {run.config_name}, not {config_name}")
    config = run.config.but(**changes)
    for name, value in config.as_dict().items():
        was = getattr(run.config, name)
        if value != was and name not in ("steps", "validate_every"):
            raise UserError(f"{folder}: of another configuration: its {name} is {was}, not {value}; start a new run")
    return dataclasses.replace(run, config=config, data=data.folder, commands=[*run.commands, command])
