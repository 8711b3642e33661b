"""`pianogenie train ...`: the trainer's commands, where its needs are installed."""

import click
from pianogenie_train.cli import train as trainer

from pianogenie.cli.extras import need_train_extra


@click.group(name="train", commands=trainer.commands, help=trainer.help)
def train() -> None:
    """Refuse, with the way out, where the trainer's needs are missing; its own help stands in for this."""
    need_train_extra("training")
