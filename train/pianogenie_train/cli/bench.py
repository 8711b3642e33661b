"""`pianogenie train bench`: how quick training is on this machine."""

import os
from pathlib import Path

import click

from pianogenie.errors import UserError


@click.command()
@click.argument("data", type=click.Path(path_type=Path), metavar="[DATA]", required=False)
@click.option("--config", "config_name", default="genie", show_default=True, help="A named configuration.")
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="Another value for any setting of it.")
@click.option(
    "--seconds", type=click.FloatRange(min=0), default=20.0, show_default=True, help="How long to time steps."
)
@click.option("--to-ppl", type=click.FloatRange(min=1), help="Train on DATA to this validation perplexity instead.")
@click.option(
    "--max-minutes",
    type=click.FloatRange(min=0, min_open=True),
    help="With --to-ppl: give up then. The schedule ends there.",
)
@click.option("--threads", type=click.IntRange(1), multiple=True, help="CPU threads; several times to compare.")
@click.option("--device", default="auto", show_default=True, type=click.Choice(["auto", "cpu", "gpu", "mps"]))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def bench(
    context: click.Context,
    data: Path | None,
    config_name: str,
    settings: tuple[str, ...],
    seconds: float,
    to_ppl: float | None,
    max_minutes: float | None,
    threads: tuple[int, ...],
    device: str,
    as_json: bool,
) -> None:
    """Time the training of a configuration, on prepared DATA or on notes made up on the spot.

    Prints notes a second and what share of the time training waits for data; with --to-ppl, how long it takes to a
    perplexity (exit status 1 if it is not reached).
    """
    import contextlib
    import dataclasses
    import json

    from pianogenie_train import config as configs

    config = configs.named(config_name).asked_for(configs.parse_settings(settings))
    if to_ppl is not None and data is None:
        raise UserError("--to-ppl: needs DATA to train on; `pianogenie train prepare` makes it of MIDI files")
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # see fit.py

    from pianogenie_train import bench as timing
    from pianogenie_train import ranks, report
    from pianogenie_train.data import Prepared

    source = contextlib.nullcontext(Prepared(data)) if data else timing.made_up(config.window)
    with source as prepared:
        if to_ppl is None:
            found = [timing.speed(config, prepared, seconds, device, count) for count in threads or (None,)]
            say = report.of_speed
        else:
            found = [
                timing.time_to_ppl(config, prepared, to_ppl, max_minutes, device, count) for count in threads or (None,)
            ]
            say = report.of_quality
    if ranks.rank() == 0:  # of torchrun's processes the first speaks
        rows = [{"config": config_name, **dataclasses.asdict(row)} for row in found]
        told = json.dumps(rows[0] if len(rows) == 1 else rows, indent=1)
        click.echo(told if as_json else "\n".join(say(config_name, row) for row in found))
    if to_ppl is not None and not all(row.reached for row in found):
        context.exit(1)
