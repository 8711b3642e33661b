"""`pianogenie train eval`: what a run or a model is worth."""

from pathlib import Path

import click

from pianogenie_train.cli.words import bar_over_batches


@click.command("eval")
@click.argument("model", type=click.Path(path_type=Path), metavar="RUN_OR_MODEL")
@click.argument("data", type=click.Path(path_type=Path), metavar="DATA")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--split", default="validation", show_default=True, type=click.Choice(["train", "validation", "test"]))
@click.option("--checkpoint", "which", type=click.Choice(["best", "last"]), help="Of a run.  [default: best]")
def evaluate(model: Path, data: Path, as_json: bool, split: str, which: str | None) -> None:
    """Score a run or a model folder on prepared DATA."""
    import dataclasses
    import json

    from pianogenie.model import load_model
    from pianogenie_train import players, report, runs, scores
    from pianogenie_train.data import Prepared

    prepared = Prepared(data)
    if runs.is_run(model):
        player = players.TorchPlayer(runs.load_trained(model, which).model)
    else:
        player = players.FolderPlayer(load_model(model))
    found = dataclasses.asdict(scores.evaluate(player, prepared, split, bar_over_batches))
    click.echo(
        json.dumps({"model": str(model), "split": split, **found}, indent=1)
        if as_json
        else report.of_scores(str(model), split, found)
    )
