"""`pianogenie bench`: how long the genie thinks. `pianogenie bench latency`: the whole way from a press to its note."""

import json
import time

import click
import numpy as np

from pianogenie.cli.bench_latency import latency
from pianogenie.dynamics import DEFAULT_VELOCITY
from pianogenie.genie import Genie
from pianogenie.model import DEFAULT_MODEL, Model, load_model
from pianogenie.stepper import Stepper

_WARM_UP = 500


@click.group(invoke_without_command=True)
@click.option("--model", default=DEFAULT_MODEL, show_default=True, metavar="NAME|DIR")
@click.option("--steps", type=click.IntRange(min=100), default=5000, show_default=True, help="How many to time.")
@click.option("--json", "as_json", is_flag=True)
@click.pass_context
def bench(context: click.Context, model: str, steps: int, as_json: bool) -> None:
    """Time the decoder's step and a whole press, from Python, on one thread; `latency` times all of the way."""
    if context.invoked_subcommand is not None:
        return
    loaded = load_model(model, with_encoder=False)
    figures = {
        "model": loaded.name,
        "decoder_step_us": _percentiles(_time_steps(loaded, steps, 1)),
        "step_for_all_buttons_us": _percentiles(_time_steps(loaded, steps, loaded.num_buttons)),
        "press_us": _percentiles(_time_presses(loaded, steps)),
    }
    if as_json:
        click.echo(json.dumps(figures, indent=2))
        return
    click.echo(f"{loaded.name}, {steps} times, microseconds")
    rows = {"decoder step": "decoder_step_us", "all buttons'": "step_for_all_buttons_us", "press to key": "press_us"}
    for name, row in ((name, figures[row]) for name, row in rows.items()):
        click.echo(f"  {name:13}" + "".join(f"  {k} {v:7.1f}" for k, v in row.items()))


bench.add_command(latency)


def _time_steps(model: Model, steps: int, buttons: int) -> np.ndarray:
    """The decoder alone, for so many buttons at once: other times each time, the key it likes best fed back."""
    decoder = Stepper(model.decoder, buttons)
    spent = np.empty(_WARM_UP + steps)
    for i in range(len(spent)):
        start = time.perf_counter()
        outcome = decoder.step(0.05 + i % 10 * 0.05)
        spent[i] = time.perf_counter() - start
        button = i * 7 % buttons
        decoder.go_on(outcome, button, int(outcome.logits[button].argmax()), DEFAULT_VELOCITY)
    return spent[_WARM_UP:] * 1e6


def _time_presses(model: Model, steps: int) -> np.ndarray:
    """A press that nobody thought of ahead: the step for all buttons, the draw, the velocity."""
    genie = Genie(model, seed=0)
    spent = np.empty(_WARM_UP + steps)
    for i in range(len(spent)):
        start = time.perf_counter()
        genie.press(i * 7 % model.num_buttons, i * 0.2)
        spent[i] = time.perf_counter() - start
    return spent[_WARM_UP:] * 1e6


def _percentiles(spent_us: np.ndarray) -> dict[str, float]:
    p50, p90, p99 = np.percentile(spent_us, (50, 90, 99))
    return {"p50": round(float(p50), 1), "p90": round(float(p90), 1), "p99": round(float(p99), 1)}
