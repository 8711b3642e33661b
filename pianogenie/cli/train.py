"""`pianogenie train ...`: the trainer's commands, where its needs are installed."""

import importlib.util

import click
from pianogenie_train.cli import train as trainer

from pianogenie.errors import UserError

_NEEDS = ("torch", "lightning", "symusic", "onnx", "onnxscript", "tensorboard")


@click.group(name="train", commands=trainer.commands, help=trainer.help)
def train() -> None:
    missing = [name for name in _NEEDS if importlib.util.find_spec(name) is None]
    if missing:
        raise UserError(
            f"training needs {', '.join(missing)}, which the instrument does without; install them with: "
            "pip install '.[train]' in the checkout (after pipx: pipx install --force '.[train]')"
        )
