"""`pianogenie play` and `pianogenie demo`: a live session in a window or a terminal."""

import contextlib
import threading
from collections.abc import Sequence
from pathlib import Path

import click

from pianogenie.announcing import notice
from pianogenie.cli.options import Number, genie_options, output_options
from pianogenie.cli.render import check_outs, render_files, session_notes
from pianogenie.cli.surfaces import Listen, Surface, choose_surface
from pianogenie.errors import UserError
from pianogenie.events import PlayerEvent
from pianogenie.genie import Genie
from pianogenie.model import Model, load_model
from pianogenie.outputs.base import Output
from pianogenie.outputs.midi_port import MidiPortOutput
from pianogenie.outputs.recorder import Recorder
from pianogenie.paths import recordings_dir
from pianogenie.session import Session, autoplay, signals_raise


@click.command()
@genie_options
@output_options
def play(terminal: bool, model: str, **options) -> None:
    """Play: keys 1-8 or the home row press buttons, space is the pedal, Esc quits."""
    surface = choose_surface(terminal)
    if surface is None:
        raise UserError(
            "there is neither a display nor a terminal to play in; "
            "`pianogenie demo --out demo.mid --out demo.wav` needs neither"
        )
    _live(surface, load_model(model, with_encoder=False), **options)


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
def demo(seconds: float, out: tuple[str, ...], model: str, seed: int | None, terminal: bool, **options) -> None:
    """Let the instrument play by itself, live or into files."""
    from pianogenie.demo import demo_performance

    check_outs(out)
    loaded = load_model(model, with_encoder=False)
    performance = demo_performance(seconds, seed or 0, loaded.num_buttons)
    if out:
        render_files(performance, out, loaded, options["temperature"], seed)
    else:
        surface = choose_surface(terminal) or Listen
        _live(surface, loaded, seed=seed, events=performance.events, **options)


@signals_raise()
def _live(
    surface: type[Surface],
    model: Model,
    *,
    temperature: float,
    seed: int | None,
    midi_out: Sequence[str],
    virtual_midi: bool,
    no_sound: bool,
    record: str | None,
    no_record: bool,
    events: Sequence[PlayerEvent] = (),
) -> None:
    """Open everything, play until the person is done, close everything."""
    if record and no_record:
        raise UserError(f"--record {record} and --no-record contradict each other; give one of them")
    with contextlib.ExitStack() as undo:  # what is open already is closed again if the next cannot be opened
        genie = Genie(model, temperature, seed)
        outputs: list[Output] = []

        def opened(output: Output) -> None:
            undo.callback(output.close)
            outputs.append(output)

        for name in midi_out:
            opened(MidiPortOutput.open(name))
        if virtual_midi:
            opened(MidiPortOutput.open_virtual())
        if not no_sound:
            _open_piano(opened)
        facts = [genie.model.name, ", ".join(output.name for output in outputs) or "no output"]
        if not no_record and _open_recorder(opened, record, genie):
            facts.append("recording")
        place = surface(genie.model.num_buttons)
        undo.callback(place.close)
        for output in place.outputs:
            opened(output)
        session = Session(genie, outputs)
        undo.pop_all()  # from here on the session closes them
    with contextlib.closing(place), session:
        if events:
            threading.Thread(target=autoplay, args=(session, events), daemon=True).start()
        place.run(session, lambda: " · ".join(facts + session.losses()))
    if any(isinstance(error, UserError) for _, error in session.performer.failures):
        raise SystemExit(2)  # said already: what was played could not be written


def _open_piano(opened) -> None:
    from pianogenie.outputs.piano import PianoOutput

    try:
        opened(PianoOutput())
    except UserError as error:
        notice(str(error))  # a MIDI piano, a recording or the window are reason enough to play on


def _open_recorder(opened, record: str | None, genie: Genie) -> bool:
    try:
        folder = Path(record) if record else recordings_dir()
        opened(Recorder(folder, genie.model.num_buttons, session_notes(genie)))
    except UserError as error:
        if record:  # asked for by name: without it the person would lose what they came for
            raise
        notice(f"{error}; this session is not recorded")
        return False
    return True
