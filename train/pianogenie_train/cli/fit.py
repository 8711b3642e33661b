"""`pianogenie train fit`: a data folder -> a run."""

import os
from pathlib import Path

import click
from click.core import ParameterSource

from pianogenie.errors import UserError
from pianogenie_train import ranks
from pianogenie_train.cli.words import command_line


@click.command()
@click.argument("data", type=click.Path(path_type=Path), metavar="DATA")
@click.option("--out", required=True, type=click.Path(path_type=Path), metavar="RUN", help="The run folder.")
@click.option("--config", "config_name", default="genie", show_default=True, help="A named configuration.")
@click.option(
    "--from",
    "parent_name",
    metavar="MODEL",
    help="Fine-tune a model (name or folder) or a run: its weights and configuration, at a gentler rate.",
)
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="Another value for any setting of it.")
@click.option("--buttons", "num_buttons", help="Short for --set num_buttons=…")
@click.option("--steps", help="Short for --set steps=…")
@click.option("--batch", "batch_size", help="Short for --set batch_size=… (windows)")
@click.option("--lr", help="Short for --set lr=… (the learning rate)")
@click.option("--schedule", help="Short for --set schedule=… (constant or cosine)")
@click.option("--warmup", "warmup_steps", help="Short for --set warmup_steps=…")
@click.option("--seed", help="Short for --set seed=…")
@click.option("--max-minutes", type=click.FloatRange(min=0, min_open=True), help="End after this time in training.")
@click.option(
    "--save-every",
    "save_every_minutes",
    default=1.0,
    show_default=True,
    type=click.FloatRange(min=0),
    metavar="MINUTES",
    help="Between checkpoints; 0: after every step.",
)
@click.option("--resume", is_flag=True, help="Go on from the run's last checkpoint.")
@click.option("--device", default="auto", show_default=True, type=click.Choice(["auto", "cpu", "gpu", "mps"]))
@click.option("--threads", type=click.IntRange(1), help="CPU threads.  [default: all cores]")
@click.pass_context
@ranks.one_voice()
def fit(
    context: click.Context,
    data: Path,
    out: Path,
    config_name: str,
    parent_name: str | None,
    settings: tuple[str, ...],
    max_minutes: float | None,
    save_every_minutes: float,
    resume: bool,
    device: str,
    threads: int | None,
    **short: str | None,
) -> None:
    """Train a model on prepared DATA. Ctrl-C stops it and keeps what it has learnt; --resume goes on.

    With several processes, on one machine or more: torchrun --nproc-per-node N -m pianogenie train fit ...
    """
    from pianogenie_train import config as configs

    changes = {name: value for name, value in short.items() if value is not None}
    changes |= configs.parse_settings(settings)
    if parent_name is None and not resume:
        configs.named(config_name).asked_for(changes)  # a wrong setting is told before torch is loaded
    named = context.get_parameter_source("config_name") is ParameterSource.COMMANDLINE
    if parent_name is not None and named:
        raise UserError("--from: goes on with the configuration of its model; leave out --config")

    # Threads that wait for each other sleep rather than spin: a quarter of the time on a machine that is shared,
    # the same on one that is not. OpenMP reads this when torch is loaded.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")

    from pianogenie_train import loop, parents, sizes
    from pianogenie_train.data import Prepared

    prepared, command, start = Prepared(data), command_line(context), None
    if resume:  # what it once started from is in its weights
        asked = parents.find_parent(parent_name).name if parent_name is not None else None
        run = loop.resumed_run(out, changes, config_name if named else None, prepared, command, asked)
    elif parent_name is not None:
        parent = parents.find_parent(parent_name)
        start, config = parent.weights, parent.settings(changes)
        run = loop.new_run(out, config, parent.config_name, prepared, command, parent.facts())
    else:
        run = loop.new_run(out, configs.named(config_name).but(**changes), config_name, prepared, command)
    sizes.check_trainable(run.config)
    if ranks.rank() == 0 and run.config.bottleneck != "none":
        try:
            sizes.check_exportable(run.config)
        except UserError as error:
            click.echo(f"It can be trained and scored, but not exported: {error}", err=True)
    outcome = loop.fit(
        run,
        resume=resume,
        minutes=max_minutes,
        device=device,
        threads=threads,
        start=start,
        save_every_s=60 * save_every_minutes,
    )
    if ranks.rank() == 0:
        best = "" if outcome.ppl is None else f", best validation ppl {outcome.ppl:.3f}"
        click.echo(f"{out}: step {outcome.step}, {outcome.minutes:.1f} minutes{best}")
        if outcome.stopped:
            click.echo("Stopped; the same command with --resume goes on.")
    if outcome.stopped:
        context.exit(130)
