"""`pianogenie train eval`: what a run or a model is worth."""

from pathlib import Path

import click

from pianogenie_train.cli.words import bar_over_batches


@click.command("eval")
@click.argument("models", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="RUN_OR_MODEL...")
@click.argument("data", type=click.Path(path_type=Path), metavar="DATA")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--split", default="validation", show_default=True, type=click.Choice(["train", "validation", "test"]))
@click.option("--checkpoint", "which", type=click.Choice(["best", "last"]), help="Of a run.  [default: best]")
def evaluate(models: tuple[Path, ...], data: Path, as_json: bool, split: str, which: str | None) -> None:
    """Score runs and model folders on prepared DATA: one in full, several as a table."""
    import dataclasses
    import json

    from pianogenie.model import load_model
    from pianogenie_train import players, report, runs, scores
    from pianogenie_train.data import Prepared

    prepared = Prepared(data)

    def player_of(model: Path) -> players.Player:
        if runs.is_run(model):
            return players.TorchPlayer(runs.load_trained(model, which).model)
        return players.FolderPlayer(load_model(model))

    found = []
    for model, player in [(model, player_of(model)) for model in models]:  # a wrong name is told before the first
        of_model = dataclasses.asdict(scores.evaluate(player, prepared, split, bar_over_batches))
        found.append({"model": str(model), "split": split, **of_model})
    if as_json:
        click.echo(json.dumps(found if len(found) > 1 else found[0], indent=1))
    elif len(found) > 1:
        click.echo(report.of_many_scores(split, found))
    else:
        click.echo(report.of_scores(str(models[0]), split, found[0]))
