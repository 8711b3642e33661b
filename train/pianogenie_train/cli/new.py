"""`pianogenie train new`: a folder of MIDI files -> a model that can be played, in one go."""

import os
from pathlib import Path

import click
from click.core import ParameterSource

from pianogenie.errors import UserError
from pianogenie_train import ranks
from pianogenie_train.cli.words import bar_over_batches, bar_over_files, command_line


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="DIR_OR_ZIP...")
@click.option("--name", required=True, help="What to call the model.")
@click.option(
    "--from",
    "parent_name",
    metavar="MODEL",
    help="Fine-tune a model (name or folder) or a run, rather than start from nothing.",
)
@click.option("--minutes", type=click.FloatRange(min=0, min_open=True), default=20.0, show_default=True)
@click.option("--config", "config_name", default="genie", show_default=True, help="A named configuration.")
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="Another value for any setting of it.")
@click.option("--buttons", "num_buttons", help="Short for --set num_buttons=…")
@click.option("--seed", help="Short for --set seed=…")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="MODEL",
    help="The model folder to make.  [default: where `play --model NAME` finds it]",
)
@click.option(
    "--work",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Where data and checkpoints go.  [default: among the user's data]",
)
@click.option("--resume", is_flag=True, help="Go on with a training of this name that was stopped.")
@click.option("--force", is_flag=True, help="Begin anew, and overwrite a model of this name.")
@click.option("--data-name", help="What the model learns from.  [default: the names of DIR_OR_ZIP]")
@click.option("--data-url", default="", help="Where that can be had.")
@click.option("--data-licence", default="not stated", help="The licence of that.")
@click.option("--weights-licence", default="not stated", help="The licence of the model.  [default: as --from]")
@click.option("--jobs", type=click.IntRange(1), help="Processes that read files.  [default: all cores]")
@click.option("--device", default="auto", show_default=True, type=click.Choice(["auto", "cpu", "gpu", "mps"]))
@click.option("--threads", type=click.IntRange(1), help="CPU threads.  [default: all cores]")
@click.pass_context
@ranks.one_voice()
def new(
    context: click.Context,
    paths: tuple[str, ...],
    name: str,
    parent_name: str | None,
    minutes: float,
    config_name: str,
    settings: tuple[str, ...],
    out: Path | None,
    work: Path | None,
    resume: bool,
    force: bool,
    jobs: int | None,
    device: str,
    threads: int | None,
    num_buttons: str | None,
    seed: str | None,
    **provenance: str | None,
) -> None:
    """Make a model of MIDI files (folders and zips): prepare, fit, score, export, with a page about it.

    Twenty files are enough to run; with few, start --from a model. Ctrl-C stops the training and keeps what it has
    learnt; the same command with --resume goes on.

    With several processes, on one machine or more: torchrun --nproc-per-node N -m pianogenie train new ...
    """
    from pianogenie_train import config as configs

    changes = {n: v for n, v in (("num_buttons", num_buttons), ("seed", seed)) if v is not None}
    changes |= configs.parse_settings(settings)
    if parent_name is None:
        configs.named(config_name).asked_for(changes)  # a wrong setting is told before torch is loaded
    named = context.get_parameter_source("config_name") is ParameterSource.COMMANDLINE
    if parent_name is not None and named:
        raise UserError("--from: goes on with the configuration of its model; leave out --config")
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # see fit.py

    from pianogenie.session import signals_raise
    from pianogenie_train import devices, loop, onego, retrain
    from pianogenie_train.data import Prepared
    from pianogenie_train.export import Provenance

    devices.check(device)
    first = ranks.rank() == 0
    say = click.echo if first else _nothing
    title = provenance.pop("data_name") or ", ".join(Path(path).resolve().name for path in paths)
    places = retrain.places(name, out, work, paths, resume=resume, force=force)
    job = onego.Job(
        name=name,
        paths=paths,
        places=places,
        parent_name=parent_name,
        config_name=config_name,
        changes=changes,
        provenance=Provenance(data_name=title, **provenance),
        command=command_line(context),
    )
    try:
        with signals_raise():
            anew = force and not resume
            parent = job.parent(anew)
            ranks.join(loop.backend_of(device))  # all have looked; from here on the first one writes

            def prepare() -> None:
                if anew:
                    places.clear()
                job.prepared(jobs, bar_over_files, say)

            ranks.first_alone(prepare)
            data = Prepared(places.data)
            outcome = job.fitted(parent, data, minutes, device, threads, say)
            if not outcome.stopped:
                if first:
                    job.made(data, force, bar_over_batches, say)
                return
    except (KeyboardInterrupt, SystemExit):  # a signal, here or in the middle of a library's work
        say("", err=True)
    say(f"Stopped. What was done is kept in {places.work}; the same command with --resume goes on.")
    context.exit(130)


def _nothing(*_words: object, **_options: object) -> None:
    """What all processes but the first say."""
