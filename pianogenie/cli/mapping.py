"""`pianogenie map`: teaching the instrument a controller."""

import contextlib
import queue
import signal
import sys

import click

from pianogenie.errors import UserError
from pianogenie.session import signals_raise
from pianogenie.settings import load, remember

_buttons_option = click.option(
    "--buttons", type=click.IntRange(1, 16), default=8, show_default=True, help="How many buttons the model has."
)
_config_option = click.option(
    "--config", type=click.Path(dir_okay=False), metavar="FILE", help="Another settings file (see `pianogenie config`)."
)


@click.group("map")
def map_() -> None:
    """Teach the instrument a gamepad or a MIDI controller, by pressing each button once."""


@map_.command()
@_buttons_option
@_config_option
@signals_raise()
def gamepad(buttons: int, config: str | None) -> None:
    """Learn a gamepad: its buttons from the lowest to the highest, pedal, dynamics and panic."""
    settings, _ = load(config)
    with _asked() as person:
        import pygame

        from pianogenie.inputs.gamepad_loop import start_no_display
        from pianogenie.inputs.learn_gamepad import learn_gamepad

        start_no_display()
        try:
            learnt = learn_gamepad(person, buttons)
        finally:
            pygame.joystick.quit()
            pygame.display.quit()
    name = learnt.name
    if name in settings.gamepad and settings.gamepad[name].guid not in (None, learnt.guid):
        name = f"{name} {learnt.guid}"  # another model of the same name
    path = remember(("gamepad", name), {**learnt.parts, "guid": learnt.guid}, config)
    click.echo(f'{learnt.name} plays like this from now on; it stands in {path} under [gamepad."{name}"]')


@map_.command()
@click.argument("name", required=False)
@_buttons_option
@_config_option
@signals_raise()
def midi(name: str | None, buttons: int, config: str | None) -> None:
    """Learn a MIDI controller's pads or keys, and play from it from now on.

    NAME is a part of its port's name; without one, all ports are listened to.
    """
    from pianogenie.inputs.learn_midi import NoteListener, learn_midi
    from pianogenie.inputs.midi_in import retire
    from pianogenie.link import Link
    from pianogenie.midi_ports import find_port, list_ports, open_port

    settings, _ = load(config)
    ports = [find_port(name, inputs=True)] if name else list_ports(inputs=True)
    if not ports:
        raise UserError("there are no MIDI inputs to learn from; `pianogenie devices` lists what there is")
    heard: queue.SimpleQueue = queue.SimpleQueue()
    with _asked() as person, contextlib.ExitStack() as opened:
        for port in ports:
            try:
                with (link := Link()).opened():
                    client, here = open_port(port, inputs=True)
            except UserError as error:
                if len(ports) == 1:
                    raise
                person.say(str(error))
                continue
            opened.callback(retire, client, link)
            client.set_callback(NoteListener(here, heard.put))
        person.say("Listening to " + ", ".join(port.name for port in ports))
        port, notes = learn_midi(person, buttons, heard)
    lasting = port.lasting_name
    path = remember(("midi", lasting), {"notes": notes}, config)
    if not any(part.lower() in port.name.lower() for part in settings.play.midi_in):
        remember(("play",), {"midi_in": [*settings.play.midi_in, lasting]}, config)
    click.echo(f'{lasting} plays from now on, with what stands in {path} under [midi."{lasting}"]')


class _TerminalPerson:
    def __init__(self, terminal):
        self._terminal = terminal

    def say(self, text: str) -> None:
        print(text, flush=True)

    def answer(self) -> str | None:
        key = self._terminal.inkey(timeout=0.02, esc_delay=0.02)
        if key.name == "KEY_ENTER" or key in ("\n", "\r"):
            return "skip"
        return "cancel" if key.name == "KEY_ESCAPE" or key in ("\x1b", "\x03", "\x04") else None


@contextlib.contextmanager
def _asked():
    """A person at a terminal; who cancels leaves by exit status 1, a signal by its own, and nothing is changed."""
    if not all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stdout)):
        raise UserError("map: asks in a terminal, and standard input and output are none; start it from one")
    from pianogenie.inputs.asking import Cancelled
    from pianogenie.inputs.terminal import blessed  # with what it needs to know before it is imported

    terminal = blessed.Terminal()
    try:
        with terminal.cbreak():
            yield _TerminalPerson(terminal)
    except (Cancelled, SystemExit) as end:  # the latter is a signal's, Ctrl-C's among them
        click.echo("cancelled; nothing is changed")
        by_person = isinstance(end, Cancelled) or end.code == 128 + signal.SIGINT
        raise SystemExit(1 if by_person else end.code) from None
