"""The trainer's commands: `pianogenie train prepare | fit | eval | export`.

Each imports what it needs when it runs, so that `--help` answers at once and works without torch.
"""

import os
import shlex
from pathlib import Path

import click
from click.core import ParameterSource


@click.group()
def train() -> None:
    """Teach a genie from MIDI files: prepare, fit, eval, export."""


def command_line(context: click.Context) -> str:
    """The command as it can be typed again, for the records that a run and a model keep."""
    words = ["pianogenie", "train", str(context.command.name)]  # however it was started
    options: list[str] = []
    for parameter in context.command.params:
        if context.get_parameter_source(parameter.name) is not ParameterSource.COMMANDLINE:
            continue
        value = context.params[parameter.name]
        values = list(value) if isinstance(value, tuple) else [value]
        if isinstance(parameter, click.Argument):
            words += [str(v) for v in values]
        elif getattr(parameter, "is_flag", False):
            options.append(parameter.opts[0] if value else parameter.secondary_opts[0])
        else:
            options += [word for v in values for word in (parameter.opts[0], str(v))]
    return shlex.join(words + options)


@train.command()
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

    def bar(files: list):
        return click.progressbar(files, label="Reading", show_pos=True, file=click.get_text_stream("stderr"))

    began = time.perf_counter()
    jobs = jobs or workers.cores()
    done = preparing.prepare(list(paths), out, jobs=jobs, command=command_line(context), force=force, progress=bar)
    click.echo(report.of_preparation(done, out, time.perf_counter() - began, jobs))


@train.command()
@click.argument("data", type=click.Path(path_type=Path), metavar="DATA")
@click.option("--out", required=True, type=click.Path(path_type=Path), metavar="RUN", help="The run folder.")
@click.option("--config", "config_name", default="paper", show_default=True, help="A named configuration.")
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="Another value for any setting of it.")
@click.option("--buttons", "num_buttons", help="Short for --set num_buttons=…")
@click.option("--steps", help="Short for --set steps=…")
@click.option("--batch", "batch_size", help="Short for --set batch_size=… (windows)")
@click.option("--lr", help="Short for --set lr=… (the learning rate)")
@click.option("--schedule", help="Short for --set schedule=… (constant or cosine)")
@click.option("--warmup", "warmup_steps", help="Short for --set warmup_steps=…")
@click.option("--seed", help="Short for --set seed=…")
@click.option("--max-minutes", type=click.FloatRange(min=0, min_open=True), help="End after this time in training.")
@click.option("--resume", is_flag=True, help="Go on from the run's last checkpoint.")
@click.option("--device", default="auto", show_default=True, type=click.Choice(["auto", "cpu", "gpu", "mps"]))
@click.option("--threads", type=click.IntRange(1), help="CPU threads.  [default: all cores]")
@click.pass_context
def fit(
    context: click.Context,
    data: Path,
    out: Path,
    config_name: str,
    settings: tuple[str, ...],
    max_minutes: float | None,
    resume: bool,
    device: str,
    threads: int | None,
    **short: str | None,
) -> None:
    """Train a model on prepared DATA. Ctrl-C stops it and keeps what it has learnt; --resume goes on."""
    from pianogenie_train import config as configs

    changes = {name: value for name, value in short.items() if value is not None}
    changes |= configs.parse_settings(settings)
    configs.named(config_name).but(**changes)  # a wrong setting is told before torch is loaded

    # Threads that wait for each other sleep rather than spin: a quarter of the time on a machine that is shared,
    # the same on one that is not. OpenMP reads this when torch is loaded.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")

    from pianogenie_train import loop
    from pianogenie_train.data import Prepared

    prepared = Prepared(data)
    if resume:
        named = context.get_parameter_source("config_name") is ParameterSource.COMMANDLINE
        run = loop.resumed_run(out, changes, config_name if named else None, prepared, command_line(context))
    else:
        run = loop.new_run(out, configs.named(config_name).but(**changes), config_name, prepared, command_line(context))
    outcome = loop.fit(run, resume=resume, minutes=max_minutes, device=device, threads=threads)
    best = "" if outcome.ppl is None else f", best validation ppl {outcome.ppl:.3f}"
    click.echo(f"{out}: step {outcome.step}, {outcome.minutes:.1f} minutes{best}")
    if outcome.stopped:
        click.echo("Stopped; the same command with --resume goes on.")
        context.exit(130)


def _bar_over_batches(batches, count: int):
    """Wrap an iterator of batches in a progress bar on standard error."""
    with click.progressbar(batches, length=count, label="Scoring", file=click.get_text_stream("stderr")) as bar:
        yield from bar


@train.command("eval")
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
    found = dataclasses.asdict(scores.evaluate(player, prepared, split, _bar_over_batches))
    click.echo(
        json.dumps({"model": str(model), "split": split, **found}, indent=1)
        if as_json
        else report.of_scores(str(model), split, found)
    )


@train.command()
@click.argument("run", type=click.Path(path_type=Path), metavar="RUN")
@click.option("--out", required=True, type=click.Path(path_type=Path), metavar="MODEL", help="The folder to make.")
@click.option("--data-name", default="not stated", help="What the model learnt from.")
@click.option("--data-url", default="", help="Where that can be had.")
@click.option("--data-licence", default="not stated", help="The licence of that.")
@click.option("--weights-licence", default="not stated", help="The licence of the model.")
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
        exporting.Provenance(data_name, data_licence, weights_licence, data_url),
        which=which,
        data=data,
        scored=scored,
        force=force,
        command=command_line(context),
        progress=_bar_over_batches,
    )
    click.echo(report.of_export(facts, out))
