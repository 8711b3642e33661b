"""`pianogenie bench latency`: from a press to its note, measured on this machine."""

import json
from pathlib import Path

import click

from pianogenie.cli.options import Number
from pianogenie.errors import UserError
from pianogenie.files import written_whole
from pianogenie.model import DEFAULT_MODEL, load_model
from pianogenie.session import signals_raise

_PRESSES_A_SOUND = 50
_FEWEST_SOUNDS = 5


@click.command()
@click.option("--model", default=DEFAULT_MODEL, show_default=True, metavar="NAME|DIR")
@click.option(
    "--presses", type=click.IntRange(20, 1_000_000), default=5000, show_default=True, help="How many on each input."
)
@click.option("--starts", type=click.IntRange(1, 100), default=5, show_default=True, help="How often to start it.")
@click.option(
    "--minutes",
    type=Number(0, 24 * 60),
    default=0.0,
    show_default=True,
    help="Look at memory after so many minutes of play, or once the presses are through.",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of what is played.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default="latency",
    show_default=True,
    help="Where to write latency.json and latency.png.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the JSON rather than a table.")
@signals_raise()
def latency(model: str, presses: int, starts: int, minutes: float, seed: int, out: Path, as_json: bool) -> None:
    """Time the way from a press to its note, in a real window on an X server and a JACK server of its own.

    Takes some four minutes. docs/latency.md says what each figure means.
    """
    from pianogenie.bench.figures import table
    from pianogenie.bench.histogram import draw
    from pianogenie.bench.latency import Plan, measure
    from pianogenie.bench.sessions import NUM_BUTTONS

    buttons = load_model(model, with_encoder=False).num_buttons
    if buttons != NUM_BUTTONS:
        raise UserError(f"{model}: has {buttons} buttons; what is measured is played on {NUM_BUTTONS}")
    plan = Plan(model, presses, max(presses // _PRESSES_A_SOUND, _FEWEST_SOUNDS), starts, minutes, seed)
    report, raw = measure(plan, lambda line: click.echo(f"... {line}", err=True))
    text = json.dumps(report, indent=2)
    with written_whole(out / "latency.json") as temporary:
        temporary.write_text(text + "\n")
    draw(raw, out / "latency.png")
    click.echo(text if as_json else table(report))
