"""`pianogenie train export`: a run -> a model folder."""

from pathlib import Path

import click

from pianogenie_train.cli.words import bar_over_batches, command_line


@click.command()
@click.argument("run", type=click.Path(path_type=Path), metavar="RUN")
@click.option("--out", required=True, type=click.Path(path_type=Path), metavar="MODEL", help="The folder to make.")
@click.option("--data-name", default="not stated", help="What the model learnt from.")
@click.option("--data-url", default="", help="Where that can be had.")
@click.option("--data-licence", default="not stated", help="The licence of that.")
@click.option("--weights-licence", default="not stated", help="The licence of the model.")
@click.option("--note", "notes", multiple=True, metavar="TEXT", help="For the card: where it falls short; repeatable.")
@click.option("--checkpoint", "which", type=click.Choice(["best", "last"]), help="[default: best]")
@click.option("--data", type=click.Path(path_type=Path), metavar="DATA", help="Score on this.  [default: the run's]")
@click.option("--scores/--no-scores", "scored", default=True, show_default=True, help="Put scores on the card.")
@click.option("--force", is_flag=True, help="Overwrite a model folder.")
@click.pass_context
def export(
    context: click.Context,
    run: Path,
    out: Path,
    data_name: str,
    data_url: str,
    data_licence: str,
    weights_licence: str,
    notes: tuple[str, ...],
    which: str | None,
    data: Path | None,
    scored: bool,
    force: bool,
) -> None:
    """Write a model folder from a RUN, checked against torch, with its card and scores."""
    from pianogenie_train import export as exporting
    from pianogenie_train import report

    facts = exporting.export(
        run,
        out,
        exporting.Provenance(data_name, data_licence, weights_licence, data_url, notes),
        which=which,
        data=data,
        scored=scored,
        force=force,
        command=command_line(context),
        progress=bar_over_batches,
    )
    click.echo(report.of_export(facts, out))
