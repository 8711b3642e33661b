"""Options that several commands share, and the settings file behind them.

What counts, first to last: the command line, the settings file, the default. Click does the weighing (its
`default_map`); the settings file is read, and wrong entries are refused, before any other option is looked at.
"""

import contextlib
import dataclasses
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click

from pianogenie.dynamics import Dynamics, parse_dynamics
from pianogenie.errors import UserError
from pianogenie.genie import DEFAULT_TEMPERATURE
from pianogenie.model import DEFAULT_MODEL, Model, load_model
from pianogenie.settings import Origin, Settings, load

_ORIGIN = "pianogenie.origin"
OPTION_OF = {"record": "no_record"}
"""Entries of [play] whose option has another name, and says the opposite."""


class Number(click.FloatRange):
    """A number within a range; click would let pass what is not a number at all, `nan`."""

    def convert(self, value, parameter, context):
        """Read it, or fail."""
        number = super().convert(value, parameter, context)
        if number != number:
            self.fail(f"{value} is not in the range {self._describe_range()}.", parameter, context)
        return number


class Name(click.ParamType):
    """A part of a device's name: anything but nothing, which would be a part of every name."""

    name = "name"

    def convert(self, value, parameter, context):
        """Take it, or fail."""
        if not value.strip():
            raise UserError(f"{parameter.opts[0]} is given an empty name; `pianogenie devices` lists what there is")
        return value


class _DynamicsType(click.ParamType):
    name = "dynamics"

    def convert(self, value, parameter, context):
        if isinstance(value, Dynamics):
            return value
        try:
            return parse_dynamics(value)
        except ValueError as error:
            raise UserError(f"{parameter.opts[0]}: {error}") from error


def _configure(context: click.Context, _parameter: click.Parameter, path: str | None) -> None:
    settings, origin = load(path)
    if path and not origin.path.exists():
        raise UserError(f"{path}: no such settings file; `pianogenie config --create --config {path}` makes one")
    use(context, settings, origin)


def use(context: click.Context, settings: Settings, origin: Origin) -> None:
    """Let settings stand in for options that are not given; `context.obj` is the settings from then on."""
    context.obj = settings
    context.meta[_ORIGIN] = origin
    defaults: dict[str, Any] = {}
    for key in origin.raw.get("play", {}):
        value = getattr(settings.play, key)
        if key in OPTION_OF:
            key, value = OPTION_OF[key], not value
        if key == "model":
            value = os.path.expanduser(value)  # as a shell does it for an option
        if key == "profile" and value and value.endswith(".toml"):
            value = str(origin.path.parent / Path(value).expanduser())  # wherever a service is started
        defaults[key] = value
    context.default_map = defaults


config_option = click.option(
    "--config",
    type=click.Path(dir_okay=False),
    metavar="FILE",
    is_eager=True,
    expose_value=False,
    callback=_configure,
    help="Another settings file (see `pianogenie config`).",
)


def from_command_line(context: click.Context, name: str) -> bool:
    """Whether an option was given, rather than taken from the settings or its default."""
    return context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE


def chosen_model(context: click.Context, name: str) -> Model:
    """The model that --model, or the settings, name, for playing.

    Raises UserError, with the line of the settings if it is theirs.
    """
    with as_set("model", context):
        return load_model(name, with_encoder=False)


@contextlib.contextmanager
def as_set(option: str, context: click.Context | None = None) -> Iterator[None]:
    """Around what an option is used for: a UserError names the line of the settings, if it was set there."""
    context = context or click.get_current_context(silent=True)
    try:
        yield
    except UserError as error:
        origin: Origin | None = context.meta.get(_ORIGIN) if context else None
        if origin is None or from_command_line(context, option) or not origin.has(("play",), option):
            raise
        raise UserError(f"{origin.path}: line {origin.line(('play',), option)}: play.{option}: {error}") from error


def genie_options(command: Callable | None = None, *, with_config: bool = True) -> Callable:
    """--model, --temperature, --dynamics, --seed and, unless told otherwise, --config."""
    if command is None:
        return lambda command: genie_options(command, with_config=with_config)
    for option in (
        *([config_option] if with_config else []),
        click.option("--seed", type=click.IntRange(min=0), help="Of the genie's draws; the same seed plays the same."),
        click.option(
            "--dynamics",
            type=_DynamicsType(),
            metavar="input|genie|fixed:N",
            help="How loud: as the device says, as the model expects, or always N.  [default: the first that exists]",
        ),
        click.option(
            "--temperature",
            type=Number(0, 1),
            default=DEFAULT_TEMPERATURE,
            show_default=True,
            help="How freely the genie picks: 0 is always the most likely note.",
        ),
        click.option(
            "--model",
            default=DEFAULT_MODEL,
            show_default=True,
            metavar="NAME|DIR",
            help="A model that ships (see `pianogenie models`) or a model folder.",
        ),
    ):
        command = option(command)
    return command


@dataclasses.dataclass(frozen=True)
class Choice:
    """What was chosen for a live session: the values of `output_options`, by their names."""

    midi_out: tuple[str, ...]
    virtual_midi: bool
    profile: str | None
    osc_out: str | None
    sound: bool
    record_dir: str | None
    no_record: bool


def output_options(command: Callable) -> Callable:
    """--midi-out, --virtual-midi, --profile, --osc-out, --no-sound, --record, --no-record."""
    for option in (
        click.option("--no-record", is_flag=True, help="Do not record the session."),
        click.option(
            "--record",
            "record_dir",
            type=click.Path(file_okay=False),
            metavar="DIR",
            help="Where to record the session.  [default: Pianogenie in the music folder]",
        ),
        click.option("--sound/--no-sound", default=True, help="The built-in piano, or silence from it."),
        click.option("--osc-out", metavar="HOST:PORT", help="Send the notes as OSC, too (see docs/osc.md)."),
        click.option(
            "--profile",
            metavar="NAME|FILE",
            help="What the MIDI instrument can do: a profile that ships, a file x.toml, none.  [default: by its name]",
        ),
        click.option("--virtual-midi/--no-virtual-midi", default=False, help="Open a MIDI port that a DAW sees."),
        click.option(
            "--midi-out",
            type=Name(),
            metavar="NAME",
            multiple=True,
            help="Send to a MIDI port; a part of its name is enough.",
        ),
    ):
        command = option(command)
    return command


def input_options(command: Callable) -> Callable:
    """--midi-in, --osc-in."""
    for option in (
        click.option(
            "--osc-in",
            metavar="[HOST:]PORT",
            help="Be played over OSC (see docs/osc.md); from this computer alone, unless a host is given.",
        ),
        click.option(
            "--midi-in",
            type=Name(),
            metavar="NAME",
            multiple=True,
            help="Play from a MIDI controller; a part of its port's name is enough.",
        ),
    ):
        command = option(command)
    return command


def take_choice(context: click.Context, options: dict[str, Any]) -> Choice:
    """Take the values of `output_options` out of a command's options. Raises UserError if they contradict."""
    choice = Choice(**{field.name: options.pop(field.name) for field in dataclasses.fields(Choice)})
    if from_command_line(context, "record_dir") and choice.no_record:
        if from_command_line(context, "no_record"):
            raise UserError(f"--record {choice.record_dir} and --no-record contradict each other; give one of them")
        choice = dataclasses.replace(choice, no_record=False)
    return choice
