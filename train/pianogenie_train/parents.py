"""A trained model to go on from: its weights, what they fit, and whose they are.

A model folder's graphs can be played but not trained: the export has multiplied out all that a press need not wait for.
So a folder holds `weights.safetensors` too, an Autoencoder's state_dict as it is, and the settings that it fits
stand on its card. safetensors is a header and numbers: reading one runs no code.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
import torch

from pianogenie.errors import UserError
from pianogenie.files import read_bytes
from pianogenie.model import FORMAT, find_model, load_card
from pianogenie_train import config as configs
from pianogenie_train import runs
from pianogenie_train.config import Config
from pianogenie_train.model import Autoencoder

WEIGHTS = "weights.safetensors"
MAX_WEIGHTS_BYTES = 64 << 20
RATE_SHARE = 0.3
"""Of the rate that the parent began with: enough to learn a new style, too little to forget how to play."""
WARMUP_STEPS = 100


@dataclass(frozen=True)
class Parent:
    """A model to start from; `weights` is an Autoencoder's state_dict."""

    folder: Path
    name: str
    licence: str
    data_name: str
    data_licence: str
    config: Config
    config_name: str
    weights: dict[str, torch.Tensor]
    commands: list[str]  # that made it, its own parent's first

    def facts(self) -> dict[str, Any]:
        """What a run and a card say of it. (Not where it lay.)"""
        data = {"name": self.data_name, "licence": self.data_licence}
        return {
            "name": self.name,
            "licence": self.licence,
            "data": data,
            "configuration": self.config_name,
            "commands": self.commands,
            "weights": _digest(self.weights),
        }

    def settings(self, changes: dict[str, Any]) -> Config:
        """Its configuration for going on: a gentler rate, warmed up, and `changes`.

        Raises UserError for changes of which it would not be the same network any more.
        """
        begun = configs.CONFIGURATIONS.get(self.config_name, self.config).lr
        rate = min(self.config.lr, RATE_SHARE * begun)  # it may be a child itself
        config = self.config.asked_for({"lr": rate, "warmup_steps": WARMUP_STEPS, **changes})
        another_row = config.num_buttons != self.config.num_buttons  # which shows in no shape of the paper's
        if another_row or _shapes(Autoencoder(config).state_dict()) != _shapes(self.weights):
            odd = [
                f"{name} is {getattr(self.config, name)}, not {getattr(config, name)}"
                for name in changes
                if getattr(self.config, name) != getattr(config, name)
            ]
            raise UserError(f"{self.name}: its {', its '.join(odd)}; leave that as it is, or train from nothing")
        return config


def write_weights(model: Autoencoder, path: Path) -> None:
    """Write a model's weights for others to go on from."""
    path.write_bytes(_as_file(model.state_dict()))


def is_of(card: dict[str, Any], facts: dict[str, Any]) -> bool:
    """Whether a model folder's card is that of the parent of which a run keeps these `facts`."""
    if "weights" not in facts:  # as earlier trainers wrote them
        return card["name"] == facts["name"]
    sums = card.get("sha256")
    return isinstance(sums, dict) and sums.get(WEIGHTS) == facts["weights"]


def find_parent(name_or_dir: str) -> Parent:
    """The model to start from: a model by its name, a model folder or a run folder.

    Raises UserError if there is none, or it holds no weights to go on from, or they are damaged.
    """
    folder = find_model(name_or_dir)
    return _of_run(folder) if runs.is_run(folder) else _of_folder(folder)


def _of_run(folder: Path) -> Parent:
    trained = runs.load_trained(folder)
    run, name = trained.run, folder.resolve().name
    weights = dict(trained.model.state_dict())
    licence = run.parent["licence"] if run.parent else "not stated"
    data = run.data.resolve().name
    return Parent(
        folder,
        name,
        licence,
        data,
        "not stated",
        run.config,
        run.config_name,
        weights,
        [*_commands(run.parent), *run.commands],
    )


def _of_folder(folder: Path) -> Parent:
    card, path = load_card(folder), folder / WEIGHTS
    recipe = card.get("recipe")
    if not path.exists() or not isinstance(recipe, dict) or not isinstance(recipe.get("settings"), dict):
        raise UserError(
            f"{folder}: holds no weights to go on from (it was imported, or exported before {WEIGHTS} was written "
            "beside the graphs); name another model, or the run that it was exported from"
        )
    config = configs.from_dict(recipe["settings"], str(folder / "model.json"))
    data = card.get("data") if isinstance(card.get("data"), dict) else {}
    return Parent(
        folder,
        card["name"],
        str(card.get("licence", "not stated")),
        str(data.get("name", "not stated")),
        str(data.get("licence", "not stated")),
        config,
        str(recipe.get("configuration", "not stated")),
        _checked_weights(path, card, config),
        [*_commands(card.get("parent")), *_commands(recipe)],
    )


def _as_file(weights: dict[str, torch.Tensor]) -> bytes:
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in weights.items()}
    return safetensors.torch.save(plain, {"format": FORMAT})


def _digest(weights: dict[str, torch.Tensor]) -> str:
    """The checksum of WEIGHTS with these."""
    return hashlib.sha256(_as_file(weights)).hexdigest()


def _commands(facts: Any) -> list[str]:
    """The commands that a card's part names, each on a line; none if it names none."""
    commands = facts.get("commands") if isinstance(facts, dict) else None
    return [" ".join(str(command).split()) for command in commands] if isinstance(commands, list) else []


def _checked_weights(path: Path, card: dict, config: Config) -> dict[str, torch.Tensor]:
    data = read_bytes(path, MAX_WEIGHTS_BYTES)
    sums = card.get("sha256")
    if not isinstance(sums, dict) or sums.get(WEIGHTS) != hashlib.sha256(data).hexdigest():
        raise UserError(f"{path}: does not match its checksum in model.json; fetch or export the model again")
    try:
        weights = safetensors.torch.load(data)
    except Exception as error:  # its own error is a bare Exception's child
        raise UserError(f"{path}: damaged ({' '.join(str(error).split())[:100]}); export the model again") from error
    with torch.device("meta"):  # shapes alone: a card that promises more than there is memory is not taken at its word
        own = Autoencoder(config).state_dict()
    if _shapes(own) != _shapes(weights):
        raise UserError(f"{path}: its weights do not fit the settings in model.json; export the model again")
    if not all(torch.isfinite(tensor).all() for tensor in weights.values()):
        raise UserError(f"{path}: holds numbers that are not finite; export the model again")
    return weights


def _shapes(weights: dict[str, torch.Tensor]) -> dict[str, tuple]:
    return {name: (tuple(tensor.shape), tensor.dtype) for name, tensor in weights.items()}
