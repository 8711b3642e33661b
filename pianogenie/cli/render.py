"""`pianogenie render`: a button performance into notes, faster than real time."""

from collections.abc import Sequence
from pathlib import Path

import click

from pianogenie.cli.options import chosen_model, genie_options
from pianogenie.dynamics import Dynamics
from pianogenie.errors import UserError
from pianogenie.genie import Genie
from pianogenie.model import Model
from pianogenie.offline import perform
from pianogenie.performance import Performance, load_performance, save_performance
from pianogenie.session import signals_raise
from pianogenie.smf import write_midi

_SUFFIXES = (".mid", ".midi", ".wav", ".json")
RENDER_SEED = 0
"""Of a rendering that names none: the same command gives the same bytes."""


@click.command()
@click.argument("performance", type=click.Path())
@click.option(
    "--out",
    multiple=True,
    required=True,
    metavar="FILE",
    help="x.mid for the notes, x.wav for the sound; may be given several times.",
)
@genie_options
@click.pass_context
def render(
    context: click.Context,
    performance: str,
    out: tuple[str, ...],
    model: str,
    temperature: float,
    seed: int | None,
    dynamics: Dynamics | None,
) -> None:
    """Turn a button performance (PERFORMANCE.json) into a MIDI file, a WAV file or both."""
    check_outs(out)
    loaded = load_performance(performance)
    render_files(loaded, out, chosen_model(context, model), temperature, seed, dynamics)


def check_outs(outs: Sequence[str]) -> None:
    """Refuse file names whose suffix says nothing, before any work is done. Raises UserError."""
    for out in outs:
        if Path(out).suffix.lower() not in _SUFFIXES:
            raise UserError(f"{out}: cannot tell the kind of file; end its name in .mid, .wav or .json")


@signals_raise()
def render_files(
    performance: Performance,
    outs: Sequence[str],
    model: Model,
    temperature: float,
    seed: int | None,
    dynamics: Dynamics | None = None,
) -> None:
    """Perform once, then write each file, whole or not at all. Raises UserError."""
    genie = Genie(model, temperature, RENDER_SEED if seed is None else seed, dynamics)
    events = perform(performance, genie)
    for out in outs:
        suffix = Path(out).suffix.lower()
        if suffix == ".json":
            save_performance(performance, out)
        elif suffix == ".wav":
            from pianogenie.piano.offline import render_wav  # the samples are needed for sound alone

            render_wav(events, out)
        else:
            write_midi(events, out, session_notes(genie))
        click.echo(f"wrote {out}")


def session_notes(genie: Genie) -> list[str]:
    """What a MIDI file says of how its notes were chosen."""
    return [
        f"model {genie.model.name}",
        f"seed {genie.seed}",
        f"temperature {genie.temperature}",
        f"dynamics {genie.dynamics}",
    ]
