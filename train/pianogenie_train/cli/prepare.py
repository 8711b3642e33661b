"""`pianogenie train prepare`: a MIDI collection -> a data folder."""

from pathlib import Path

import click

from pianogenie_train.cli.words import bar_over_files, command_line


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="DIR_OR_ZIP...")
@click.option("--out", required=True, type=click.Path(path_type=Path), metavar="DATA", help="The data folder to make.")
@click.option("--jobs", type=click.IntRange(1), help="Processes.  [default: all cores]")
@click.option("--force", is_flag=True, help="Overwrite a data folder.")
@click.pass_context
def prepare(context: click.Context, paths: tuple[str, ...], out: Path, jobs: int | None, force: bool) -> None:
    """Read MIDI folders and zips into arrays that training maps into memory.

    Splits come from folders called train, validation and test, from a MAESTRO csv, or else from a hash of each
    file. Drums and notes off the piano are left out; a broken file is named and skipped.
    """
    import time

    from pianogenie_train import prepare as preparing
    from pianogenie_train import report, workers

    began = time.perf_counter()
    jobs = jobs or workers.cores()
    done = preparing.prepare(
        list(paths), out, jobs=jobs, command=command_line(context), force=force, progress=bar_over_files
    )
    click.echo(report.of_preparation(done, out, time.perf_counter() - began, jobs))
