"""`pianogenie play` and `pianogenie demo`: a live session in a window, in a terminal, or in neither."""

import click

from pianogenie.cli.live import live
from pianogenie.cli.options import (
    Number,
    chosen_model,
    from_command_line,
    genie_options,
    input_options,
    output_options,
    take_choice,
)
from pianogenie.cli.render import check_outs, render_files
from pianogenie.cli.surfaces import Headless, Listen, choose_surface
from pianogenie.dynamics import Dynamics
from pianogenie.errors import UserError
from pianogenie.genie import Genie

_terminal_option = click.option("--terminal", is_flag=True, help="Play in the terminal, without a window.")


@click.command()
@genie_options
@input_options
@output_options
@_terminal_option
@click.option("--headless", is_flag=True, help="Play from gamepad and MIDI alone, with neither window nor terminal.")
@click.pass_context
def play(
    context: click.Context,
    headless: bool,
    terminal: bool,
    midi_in: tuple[str, ...],
    osc_in: str | None,
    model: str,
    temperature: float,
    seed: int | None,
    dynamics: Dynamics | None,
    **options,
) -> None:
    """Play: keys 1-8 or the home row press buttons, space is the pedal, Backspace silences everything, Esc quits."""
    choice = take_choice(context, options)
    if headless and terminal:
        raise UserError("--headless and --terminal contradict each other; give one of them")
    surface = Headless if headless else choose_surface(terminal)
    if surface is None:
        raise UserError(
            "there is neither a display nor a terminal to play in; --headless plays from gamepad and MIDI, "
            "and `pianogenie demo --out demo.mid --out demo.wav` needs neither"
        )
    genie = Genie(chosen_model(context, model), temperature, seed, dynamics)
    # What is named just now should be there; what is set once, or starts with the machine, may be switched on later.
    live(
        surface,
        genie,
        choice,
        context.obj,
        midi_in=midi_in,
        wait_for_midi_in=headless or not from_command_line(context, "midi_in"),
        wait_for_midi_out=headless or not from_command_line(context, "midi_out"),
        osc_in=osc_in,
    )


@click.command()
@click.option("--seconds", type=Number(1, 3600), default=30.0, show_default=True, help="How long to play.")
@click.option(
    "--out",
    multiple=True,
    metavar="FILE",
    help="Write x.mid, x.wav or x.json instead of playing live; repeatable.",
)
@genie_options
@output_options
@_terminal_option
@click.pass_context
def demo(
    context: click.Context,
    seconds: float,
    out: tuple[str, ...],
    terminal: bool,
    model: str,
    temperature: float,
    seed: int | None,
    dynamics: Dynamics | None,
    **options,
) -> None:
    """Let the instrument play by itself, live or into files."""
    from pianogenie.demo import demo_performance

    choice = take_choice(context, options)
    check_outs(out)
    loaded = chosen_model(context, model)
    performance = demo_performance(seconds, seed or 0, loaded.num_buttons)
    if out:
        render_files(performance, out, loaded, temperature, seed, dynamics)
    else:
        genie = Genie(loaded, temperature, seed, dynamics)
        live(choose_surface(terminal) or Listen, genie, choice, context.obj, performance.events, listen=False)
