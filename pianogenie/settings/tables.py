"""What may stand in the settings file: one dataclass a table. To add a table, add a field to `Settings`."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pianogenie.dynamics import parse_dynamics
from pianogenie.genie import DEFAULT_TEMPERATURE
from pianogenie.inputs.pad_elements import parse_element
from pianogenie.model import DEFAULT_MODEL
from pianogenie.settings.lines import line_of
from pianogenie.settings.schema import entry


@dataclass(frozen=True)
class Play:
    """What `play` does, and `demo` and `render` as far as it is theirs, where no option says otherwise."""

    model: str = entry(DEFAULT_MODEL, "A model that ships (see `pianogenie models`) or a model folder.")
    temperature: float = entry(
        DEFAULT_TEMPERATURE, "How freely the genie picks: 0 is always the most likely note.", low=0, high=1
    )
    dynamics: str | None = entry(
        None,
        'How loud: "input" as the device says, "genie" as the model expects, "fixed:N" always N (1..127);\n'
        "not given: the first of these that there is.",
        check=parse_dynamics,
        example='"genie"',
    )
    sound: bool = entry(True, "The built-in piano.")
    midi_out: tuple[str, ...] = entry(
        (), "MIDI ports to play on; a part of a name is enough.", example='["disklavier"]'
    )
    profile: str | None = entry(
        None,
        'What the instrument behind those ports can do: "disklavier", "general-midi", "soft-synth", "none",\n'
        "or a file x.toml, beside this one unless it is a whole path; not given: by the port's name.",
        example='"disklavier"',
    )
    midi_in: tuple[str, ...] = entry(
        (), "MIDI controllers to play from; a part of a name is enough.", example='["launchpad"]'
    )
    virtual_midi: bool = entry(False, "A MIDI port of our own, which a DAW sees.")
    osc_in: str | None = entry(
        None, "Where to be played over OSC: a port of this computer's, or HOST:PORT.", example='"9000"'
    )
    osc_out: str | None = entry(None, "Where to send the notes as OSC.", example='"127.0.0.1:9001"')
    record: bool = entry(True, "Whether sessions are recorded.")
    record_dir: str | None = entry(
        None, "Where to; not given: Pianogenie in the music folder.", example='"~/Music/Genie"'
    )


@dataclass(frozen=True)
class Gamepad:
    """What a gamepad's parts do, by the pad's name; `pianogenie map gamepad` writes it."""

    buttons: tuple[str, ...] = entry(
        doc="From the lowest button to the highest.",
        check=parse_element,
        each_once=True,
        example='["h0.8", "h0.2", "b2", "b1"]',
    )
    pedal: tuple[str, ...] = entry((), "Analogue or not.", check=parse_element, example='["a5"]')
    louder: tuple[str, ...] = entry((), "The further, the louder.", check=parse_element, example='["a2"]')
    softer: tuple[str, ...] = entry((), "Held for soft notes.", check=parse_element, example='["b4"]')
    panic: tuple[str, ...] = entry((), "Silences everything.", check=parse_element, example='["b6"]')
    guid: str | None = entry(None, "SDL's number of the model, where several share a name.", example='"0300..."')


@dataclass(frozen=True)
class Midi:
    """Which notes of a MIDI controller are the buttons, by its port's name; `pianogenie map midi` writes it."""

    notes: tuple[int, ...] = entry(
        doc="MIDI note numbers, from the lowest button to the highest.",
        low=0,
        high=127,
        each_once=True,
        example="[36, 38, 40, 41]",
    )


@dataclass(frozen=True)
class Origin:
    """Where settings were read: the file, what stood in it and on which lines."""

    path: Path
    raw: dict[str, Any] = field(default_factory=dict)
    lines: dict[tuple[str, ...], int] = field(default_factory=dict)

    def has(self, table: tuple[str, ...], key: str) -> bool:
        """Whether an entry stands in the file."""
        place: Any = self.raw
        for name in table:
            place = place.get(name, {})
        return key in place

    def line(self, table: tuple[str, ...], key: str) -> int | None:
        """The line of an entry that stands in the file."""
        return line_of(self.lines, (*table, key))


@dataclass(frozen=True)
class Settings:
    """Everything learnt or chosen. A field is a table of the file, a dict of dataclasses a table a name."""

    play: Play = field(default_factory=Play)
    gamepad: dict[str, Gamepad] = field(default_factory=dict)
    midi: dict[str, Midi] = field(default_factory=dict)
