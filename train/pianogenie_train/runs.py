"""A run's folder: what a training leaves behind, and how it is read again.

config.json             the configuration, the data, the commands
checkpoints/last.ckpt   the newest weights, with all that resuming needs
checkpoints/best.ckpt   those with the lowest validation perplexity so far
log/                    TensorBoard's
"""

import json
import platform
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from pianogenie import __version__
from pianogenie.errors import UserError
from pianogenie.files import written_whole
from pianogenie_train import config as configs
from pianogenie_train.config import Config
from pianogenie_train.facts import read_facts
from pianogenie_train.model import Autoencoder

FORMAT = "pianogenie-run/1"
LAST, BEST = "last", "best"
FREE = ("steps", "validate_every")
"""The settings that may change when a run is resumed: they leave its past what it was."""

MAX_CHECKPOINT_BYTES = 512 << 20
_MOST_FACTS_BYTES = 1 << 20


@dataclass(frozen=True)
class Run:
    """A run folder's config.json."""

    folder: Path
    config: Config
    config_name: str
    data: Path
    notes: int  # training notes of that data
    commands: list[str]  # prepare, fit, and each resumption
    parent: dict[str, Any] | None = None  # what it started from (parents.py); None: from nothing
    collection: str | None = None  # which one it learns from (`Prepared.fingerprint`); None: of earlier trainers

    def checkpoint(self, which: str) -> Path:
        """Where the checkpoint `which` (LAST or BEST) lies, there or not."""
        return self.folder / "checkpoints" / f"{which}.ckpt"

    def made(self, card: dict[str, Any]) -> bool:
        """Whether a model folder with this card may be this run's, of now or from before it went on."""
        recipe = card.get("recipe")
        if not isinstance(recipe, dict) or not isinstance(recipe.get("settings"), dict):
            return False
        settings = {**Config().as_dict(), **recipe["settings"]}
        same = all(settings.get(name) == ours for name, ours in self.config.as_dict().items() if name not in FREE)
        return same and recipe.get("training_notes") == self.notes

    def sweep(self) -> None:
        """Remove what a run that was killed while it wrote a checkpoint left of it."""
        for which in (LAST, BEST):
            for half in self.checkpoint(which).parent.glob(f".{which}-*.ckpt"):
                half.unlink(missing_ok=True)

    def save(self) -> None:
        """Write config.json. Raises UserError if the disk refuses."""
        facts = {
            "format": FORMAT,
            "config_name": self.config_name,
            "config": self.config.as_dict(),
            "data": str(self.data),
            "notes": self.notes,
            "collection": self.collection,
            "commands": self.commands,
            "parent": self.parent,
            "versions": {
                "pianogenie": __version__,
                "python": platform.python_version(),
                "torch": torch.__version__,
            },
        }
        with written_whole(self.folder / "config.json") as path:
            path.write_text(json.dumps(facts, indent=1), encoding="utf-8")


def check_name(folder: Path) -> None:
    """Raise UserError for the name of a run folder that TensorBoard could not write a log to."""
    try:
        str(folder.absolute()).encode()
    except UnicodeEncodeError as error:
        raise UserError(f"{folder}: a training's log goes to names in UTF-8 only; name another folder") from error


def is_run(folder: Path) -> bool:
    """Whether a folder looks like a run's."""
    return (folder / "config.json").is_file()


def is_blank(folder: Path) -> bool:
    """Whether a folder is that of a run that never got to its first checkpoint."""
    try:
        open_run(folder)
    except UserError:
        return False
    return not any((folder / "checkpoints").glob("[!.]*"))


def open_run(folder: Path) -> Run:
    """Read a run folder's config.json. Raises UserError if it is missing, damaged or of another format."""
    path = folder / "config.json"
    facts = read_facts(path, FORMAT, "pianogenie train fit", _MOST_FACTS_BYTES)
    try:
        parent = facts.get("parent")
        if parent is not None and not (parent["name"] and parent["licence"]):
            raise ValueError("its parent has no name or no licence")
        return Run(
            folder,
            configs.from_dict(facts["config"], str(path)),
            str(facts["config_name"]),
            Path(facts["data"]),
            int(facts["notes"]),
            [str(c) for c in facts["commands"]],
            parent,
            facts.get("collection"),
        )
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:
        raise UserError(f"{path}: damaged ({error})") from error


def read_checkpoint(path: Path, config: Config) -> dict[str, Any]:
    """A checkpoint, once it is known to be one of a run of the configuration.

    Raises UserError if it is missing, damaged, or of another configuration.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such checkpoint; if the training did not get to one, start it without --resume")
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
        if max(size, path.stat().st_size) > MAX_CHECKPOINT_BYTES:
            raise ValueError(f"it unfolds to more than {MAX_CHECKPOINT_BYTES >> 20} MiB")
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)  # a stranger's file runs no code
        weights, written = checkpoint["state_dict"], checkpoint["pianogenie"]["config"]
        if not isinstance(weights, dict) or not isinstance(written, dict):
            raise ValueError("no weights and settings by name")
        int(checkpoint["global_step"]), float(checkpoint["pianogenie"].get("minutes", 0.0))
        shapes = {str(name): (tuple(tensor.shape), tensor.layout) for name, tensor in weights.items()}
    except Exception as error:  # zip, pickle and torch errors share no base class
        reason = " ".join(str(error).split())[:100]
        raise UserError(f"{path}: damaged, or not a checkpoint of this trainer ({reason})") from error
    for name, ours in config.as_dict().items():
        found = written.get(name, getattr(Config(), name))
        if found != ours and name not in FREE:
            raise UserError(f"{path}: of another configuration: its {name} is {found}, the run's is {ours}")
    with torch.device("meta"):  # shapes alone: a stranger's configuration may ask for more than there is memory
        own = Autoencoder(config).state_dict()
    if {f"model.{name}": (tuple(tensor.shape), tensor.layout) for name, tensor in own.items()} != shapes:
        raise UserError(f"{path}: its weights do not fit the run's configuration")
    return checkpoint


@dataclass(frozen=True)
class Trained:
    """A model out of a run, ready to be scored or exported."""

    run: Run
    model: Autoencoder
    step: int
    minutes: float  # of training behind it
    which: str  # the checkpoint


def load_trained(folder: Path, which: str | None = None) -> Trained:
    """The model of a run: of the checkpoint `which`, or else the best, or else the last. Raises UserError."""
    run = open_run(folder)
    if which is None:
        which = BEST if run.checkpoint(BEST).is_file() else LAST
    checkpoint = read_checkpoint(run.checkpoint(which), run.config)
    model = Autoencoder(run.config)
    model.load_state_dict({name.removeprefix("model."): w for name, w in checkpoint["state_dict"].items()})
    minutes = float(checkpoint["pianogenie"].get("minutes", 0.0))
    return Trained(run, model.eval(), int(checkpoint["global_step"]), minutes, which)
