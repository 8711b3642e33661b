"""A live session: everything opened, played until the person is done, everything closed."""

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence

from pianogenie.announcing import Announcements, notice
from pianogenie.cli.options import Choice, as_set
from pianogenie.cli.recover import recordings_folder, recover_beside
from pianogenie.cli.render import session_notes
from pianogenie.cli.surfaces import Surface, Window
from pianogenie.errors import UserError
from pianogenie.events import PlayerEvent
from pianogenie.genie import Genie
from pianogenie.inputs.midi_in import MidiInput
from pianogenie.outputs.base import Output
from pianogenie.outputs.midi_port import MidiPortOutput
from pianogenie.outputs.recorder import Recorder
from pianogenie.port_watcher import PortWatcher
from pianogenie.profiles import find_profile
from pianogenie.quiet import waste_no_memory
from pianogenie.session import Session, autoplay, signals_raise
from pianogenie.settings import Settings


@signals_raise()
def live(
    surface: type[Surface],
    genie: Genie,
    choice: Choice,
    settings: Settings,
    events: Sequence[PlayerEvent] = (),
    *,
    listen: bool = True,
    midi_in: Sequence[str] = (),
    wait_for_midi_in: bool = False,
    wait_for_midi_out: bool = False,
    osc_in: str | None = None,
) -> None:
    """Open everything, play until the person is done, close everything.

    Args:
        surface: where the person plays.
        genie: picks the keys.
        choice: the options of the command line.
        settings: what else is set: mappings of devices, OSC.
        events: played by themselves, at their times (s).
        listen: open the input devices too; a demo has no use for them.
        midi_in: (parts of) the names of MIDI controllers.
        wait_for_midi_in: one that is not there is waited for, rather than an error.
        wait_for_midi_out: the same of the MIDI ports to play on.
        osc_in: where to listen for OSC: [HOST:]PORT.

    Raises:
        UserError: something that was asked for cannot be opened.
    """
    waste_no_memory()
    announcements = Announcements()
    watcher = PortWatcher(announcements.say)
    with contextlib.ExitStack() as undo:  # what is open already is closed again if the next cannot be opened
        outputs: list[Output] = []
        undo.callback(watcher.close)
        for output in _outputs(choice, watcher, wait_for_midi_out):
            undo.callback(output.close)
            outputs.append(output)
        facts = [genie.model.name, ", ".join(output.name for output in outputs) or "no output"]
        if not choice.no_record and (recorder := _recorder(choice, genie, announcements)):
            undo.callback(recorder.close)
            outputs.append(recorder)
            facts.append("recording")
        place = surface(genie.model.num_buttons)
        undo.callback(place.close)
        outputs += place.outputs
        session = Session(genie, outputs, announcements)
        undo.pop_all()  # from here on the session closes them

    def status() -> str:
        return announcements.latest() or " · ".join(facts + session.losses())

    with contextlib.closing(place), watcher, session:
        if listen:
            _add_gamepads(session, place, settings)
            _add_midi_inputs(session, settings, watcher, midi_in, wait_for_midi_in)
            if osc_in:
                _add_osc(session, osc_in, genie)
        if events:
            threading.Thread(target=autoplay, args=(session, events), daemon=True).start()
        place.run(session, status)
    if any(isinstance(error, UserError) for _, error in session.performer.failures):
        raise SystemExit(2)  # said already: what was played could not be written


def _outputs(choice: Choice, watcher: PortWatcher, wait: bool) -> Iterator[Output]:
    """The outputs in the order in which they are to hear a note: what takes longest to sound comes first."""
    with as_set("profile"):
        profile = find_profile(choice.profile)[1] if choice.profile else None
    opened = set()
    for name in dict.fromkeys(choice.midi_out):
        output = MidiPortOutput.open(name, profile, watcher, wait)
        yield output
        if output.name in opened:
            raise UserError(f"{name}: {output.name} is played on already, by another name; give one of them")
        opened.add(output.name)
        if output.missing:
            notice(f"waiting for {output.why}")
    if choice.virtual_midi:
        yield MidiPortOutput.open_virtual(profile=profile, watcher=watcher)
    if choice.osc_out:
        from pianogenie.outputs.osc import OscOutput

        with as_set("osc_out"):
            output = OscOutput(choice.osc_out)
        yield output
    if choice.sound:
        yield from _unless_it_cannot(_piano)


def _add_gamepads(session: Session, place: Surface, settings: Settings) -> None:
    """Gamepads play on the window's loop, which polls SDL anyway; without one, on a thread of their own."""
    from pianogenie.inputs.gamepads import Gamepads  # imports pygame

    gamepads = Gamepads(session.hands, settings.gamepad, session.announcements.say)
    if isinstance(place, Window):
        place.gamepads = gamepads
    else:
        from pianogenie.inputs.gamepad_loop import GamepadThread

        session.add(GamepadThread(gamepads))


def _add_midi_inputs(
    session: Session, settings: Settings, watcher: PortWatcher, names: Sequence[str], wait: bool
) -> None:
    opened: dict[str, MidiInput] = {}
    for name in dict.fromkeys(names):
        device = session.add(MidiInput.open(session.hands, name, settings.midi, watcher, wait))
        if device.name in opened:
            raise UserError(f"{name}: {device.name} is listened to already, by another name; give one of them")
        opened[device.name] = device
        if device.missing:
            session.announcements.say(f"waiting for {device.why}")
    for device in opened.values():  # once all are open
        device.start()


def _add_osc(session: Session, place: str, genie: Genie) -> None:
    from pianogenie.inputs.osc import OscInput, temperature_control  # imports python-osc

    controls = {"temperature": temperature_control(genie)}
    with as_set("osc_in"):
        session.add(OscInput(session.hands, place, controls, session.announcements.say))


def _piano() -> Output:
    from pianogenie.outputs.piano import PianoOutput  # imports pygame

    return PianoOutput()


def _unless_it_cannot(opening: Callable[[], Output]) -> Iterator[Output]:
    """What `opening` gives, or a notice: a MIDI piano, a recording or the window are reason enough to play on."""
    try:
        yield opening()
    except UserError as error:
        notice(str(error))


def _recorder(choice: Choice, genie: Genie, announcements: Announcements) -> Recorder | None:
    folder = recordings_folder(choice.record_dir)
    try:
        with as_set("record_dir"):
            recorder = Recorder(folder, genie.model.num_buttons, session_notes(genie), announcements.say)
    except UserError as error:
        if choice.record_dir:  # asked for by name: without it the person would lose what they came for
            raise
        notice(f"{error}; this session is not recorded")
        return None
    recover_beside(folder)
    return recorder
