"""`pianogenie train report`: a page about a model, to look at and to listen to."""

import functools
from pathlib import Path

import click

from pianogenie.errors import UserError
from pianogenie_train.cli.words import bar_over_batches


@click.command()
@click.argument("run", type=click.Path(path_type=Path), metavar="RUN")
@click.argument("model", type=click.Path(path_type=Path), metavar="MODEL")
@click.option(
    "--beside",
    "beside_name",
    metavar="MODEL",
    help="The model to hold it against.  [default: what the run was fine-tuned from, or the one that ships]",
)
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help="[default: report.html in MODEL]")
def report(run: Path, model: Path, beside_name: str | None, out: Path | None) -> None:
    """Write a page about the MODEL folder that was exported from RUN, on the run's data.

    One HTML file: learning curves, scores beside another model's, and a piece to see and to hear.
    """
    from pianogenie.model import load_card
    from pianogenie_train import parents, runs
    from pianogenie_train.data import Prepared
    from pianogenie_train.page import beside, making
    from pianogenie_train.prepare import WINDOW_NOTES

    opened, card = runs.open_run(run), load_card(model)
    if not opened.made(card):
        raise UserError(f"{model}: was not exported from {run}; its card has other settings or other data")
    data, scores = Prepared(opened.data), card.get("scores")
    if not scores or scores.get("windows") != len(data.windows("validation", WINDOW_NOTES)):
        raise UserError(f"{model}: was not scored on {data.folder}; export it from {run} with scores")
    parent = opened.parent
    notice = functools.partial(click.echo, err=True)
    other = beside.load(beside_name) if beside_name else beside.parent_or_shipped(parent, notice)
    is_parent = bool(other and parent and parents.is_of(other.card, parent))
    compared = other and beside.scored(other, data, bar_over_batches, is_parent=is_parent)
    click.echo(f"Report: {making.write_page(model, run, data, compared, out=out)}")
