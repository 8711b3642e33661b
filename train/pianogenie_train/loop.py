"""The training loop: Lightning's Trainer, with checkpoints (checkpoints.py) that survive whatever ends it.

The steps, devices, logs and the validation schedule are the library's. What is here: what it is given, on one
process or several, and what is shown.
"""

import contextlib
import dataclasses
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import TQDMProgressBar
from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.strategies import DDPStrategy
from torch.utils.data import DataLoader

from pianogenie.errors import UserError
from pianogenie_train import devices, ranks, runs, sizes, workers
from pianogenie_train.checkpoints import SAVE_EVERY_S, Checkpoints
from pianogenie_train.config import Config
from pianogenie_train.data import Prepared, RandomBatches, WholeWindows
from pianogenie_train.hushed import hushed
from pianogenie_train.runs import LAST, Run
from pianogenie_train.training import Training

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
    run: Run,
    *,
    resume: bool = False,
    minutes: float | None = None,
    device: str = "auto",
    threads: int | None = None,
    start: dict[str, torch.Tensor] | None = None,
    callbacks: Sequence[L.Callback] = (),
    save_every_s: float = SAVE_EVERY_S,
) -> Outcome:
    """Train the run's configuration on its data: from nothing, from its last checkpoint or from a parent's weights.

    `minutes` ends it early, `device` is Lightning's accelerator, `start` are the weights of an Autoencoder to start
    from (parents.py), `callbacks` look on, `save_every_s` seconds pass between checkpoints. Under torchrun, all
    processes call this alike. Raises UserError for a device that is not there, data that does not do, a checkpoint
    that does not fit, a disk that refuses, too little memory, or a training that diverges (its last good checkpoint
    stays).
    """
    devices.check(device)
    config = run.config
    sizes.check_trainable(config)
    checkpoint = runs.read_checkpoint(run.checkpoint(LAST), config) if resume else None
    data = Prepared(run.data)
    _check_data(data, run)
    ours = (ranks.rank(), ranks.world())
    batches = RandomBatches(data, config, checkpoint["global_step"] if checkpoint else 0, *ours)
    hands_too = config.num_buttons if config.hand_share else 0
    held_out = WholeWindows(data, "validation", config.window, VALIDATION_BATCH, *ours, num_buttons=hands_too)
    if checkpoint and checkpoint["global_step"] >= config.steps:
        raise UserError(f"{run.folder}: its {config.steps} steps are done; give more with --steps")
    if threads:
        torch.set_num_threads(threads)
    torch.manual_seed(config.seed)
    module = Training(config, minutes)
    if start is not None and not resume:
        module.model.load_state_dict(start)
    if checkpoint and not module.fits_optimiser(checkpoint):
        raise UserError(
            f"{run.checkpoint(LAST)}: its optimiser is of an earlier version of the trainer; "
            f"start a new run, which may go on from its weights with --from {run.folder}"
        )
    if ranks.rank() == 0:
        run.save()
        run.sweep()
    keeper = Checkpoints(run, save_every_s)
    in_terminal = sys.stderr.isatty()
    display = [Bar() if in_terminal else Lines()] if ranks.rank() == 0 else []
    with hushed("lightning.pytorch", *_ADVICE), hushed("lightning.fabric"), _faults(run.folder, module):
        trainer = L.Trainer(
            accelerator=device,
            plugins=[keeper.files],
            **_processes(device),
            max_steps=config.steps,
            max_epochs=-1,
            val_check_interval=config.validate_every,
            check_val_every_n_epoch=None,
            num_sanity_val_steps=0,
            logger=TensorBoardLogger(run.folder, name="", version="log"),
            log_every_n_steps=10,
            callbacks=[keeper, *display, *callbacks],
            enable_progress_bar=in_terminal,
            enable_checkpointing=False,
            enable_model_summary=False,
        )
        trainer.fit(
            module,
            _loader(batches, _makers(trainer)),
            _loader(held_out),
            ckpt_path=str(run.checkpoint(LAST)) if resume else None,
        )
        keeper.save(trainer, LAST)
        if not keeper.stopped:
            # The last weights have not been looked at unless the steps end on a multiple of validate_every.
            trainer.validate(module, _loader(held_out), verbose=False)
            keeper.consider(trainer)
    return Outcome(module.global_step, module.seconds() / 60, keeper.best_ppl, keeper.stopped)


def _processes(device: str) -> dict[str, Any]:
    """What Lightning has to know of the processes that torchrun started, or of the one there is."""
    if not ranks.launched():
        return {"devices": 1}
    here, world = ranks.on_this_machine(), ranks.world()
    if world % here:
        raise UserError(f"torchrun: {here} of {world} processes are on this machine; start as many on each")
    backend = backend_of(device)
    if "nccl" in backend and torch.cuda.device_count() < here:
        found = torch.cuda.device_count()
        raise UserError(f"torchrun: {here} processes for {found} GPUs; start as many as GPUs, or give --device cpu")
    strategy = DDPStrategy(
        process_group_backend=backend,
        broadcast_buffers=False,  # they are constants
    )
    return {"strategy": strategy, "devices": here, "num_nodes": world // here}


def backend_of(device: str) -> str:
    """By what torch has several processes talk: gradients on GPUs by NCCL, all else by gloo."""
    on_gpus = device == "gpu" or (device == "auto" and torch.cuda.is_available())
    return "cpu:gloo,cuda:nccl" if on_gpus else "gloo"


@contextlib.contextmanager
def _faults(folder: Path, module: Training) -> Iterator[None]:
    """What the disk refuses to the logs, as to the checkpoints, is one line; so is a lack of memory."""
    try:
        with devices.enough_memory(module):
            yield
    except OSError as error:
        raise UserError(f"{folder}: cannot be written ({error.strerror or error})") from error


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


def _loader(batches, makers: int = 0) -> DataLoader:
    """What hands out batches, made in this process or by so many others."""
    if not makers:
        return DataLoader(batches, batch_size=None)
    return DataLoader(
        batches, batch_size=None, num_workers=makers, multiprocessing_context="spawn", worker_init_fn=_leave_signals
    )


def _makers(trainer: L.Trainer) -> int:
    # A batch takes some 15 ms to make. A CPU learns from it for twenty times as long, and has no core to spare for
    # another process; a GPU would wait.
    if trainer.strategy.root_device.type == "cpu":
        return 0
    return max(1, min(8, workers.cores() // ranks.on_this_machine() - 1))


def _leave_signals(_maker: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to all of a terminal's processes; the first one answers


def _check_data(data: Prepared, run: Run) -> None:
    notes = data.report["splits"]["train"]["notes"]
    if notes != run.notes:
        raise UserError(
            f"{run.folder}: was trained on {run.notes} notes, {data.folder} holds {notes}; start a run of its own"
        )
    if run.collection and data.fingerprint and run.collection != data.fingerprint:
        raise UserError(f"{run.folder}: was trained on other files than {data.folder} holds; start a run of its own")


def check_parent(run: Run, parent_name: str | None, way_out: str) -> None:
    """Raise UserError if a run did not begin from the model of that name; None: from nothing."""
    began = run.parent["name"] if run.parent else None
    if began != parent_name:
        words = f"with --from {began}" if began else "without --from"
        raise UserError(f"{run.folder}: was begun {words}; go on so, or {way_out}")


def new_run(
    folder: Path, config: Config, config_name: str, data: Prepared, command: str, parent: dict[str, Any] | None = None
) -> Run:
    """A run that is yet to start; `parent` says what it starts from. Raises UserError if the folder is in use."""
    runs.check_name(folder)
    # Of several processes the first has it to itself: it may have begun to write while the others look.
    # A run without a checkpoint has nothing to lose: it was killed before its first one.
    in_use = folder.exists() and (not folder.is_dir() or any(folder.iterdir())) and not runs.is_blank(folder)
    if ranks.rank() == 0 and in_use:
        way_out = "go on with --resume, or " if runs.is_run(folder) else ""
        raise UserError(f"{folder}: is there already; {way_out}name another")
    notes = int(data.report["splits"]["train"]["notes"])
    return Run(folder, config, config_name, data.folder, notes, [data.command, command], parent, data.fingerprint)


def resumed_run(
    folder: Path,
    changes: dict[str, Any],
    config_name: str | None,
    data: Prepared,
    command: str,
    parent_name: str | None = None,
) -> Run:
    """A run to go on with. Of its settings only those that leave its past what it was may change.

    Raises UserError for a folder that is no run, for another configuration, and for a parent (if one is named) that it
    did not begin from.
    """
    run = runs.open_run(folder)
    if parent_name is not None:
        check_parent(run, parent_name, "start a new run")
    if config_name is not None and config_name != run.config_name:
        raise UserError(f"{folder}: is a run of the configuration {run.config_name}, not {config_name}")
    config = run.config.but(**changes)
    for name, value in config.as_dict().items():
        was = getattr(run.config, name)
        if value != was and name not in runs.FREE:
            raise UserError(f"{folder}: of another configuration: its {name} is {was}, not {value}; start a new run")
    return dataclasses.replace(run, config=config, data=data.folder, commands=[*run.commands, command])
