"""What may stand in the settings file: one dataclass a table. To add a table, add a field to `Settings`."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pianogenie.dynamics import parse_dynamics
from pianogenie.genie import DEFAULT_TEMPERATURE
from pianogenie.model import DEFAULT_MODEL
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
    virtual_midi: bool = entry(False, "A MIDI port of our own, which a DAW sees.")
    record: bool = entry(True, "Whether sessions are recorded.")
    record_dir: str | None = entry(
        None, "Where to; not given: Pianogenie in the music folder.", example='"~/Music/Genie"'
    )


@dataclass(frozen=True)
class Origin:
    """Where settings were read: the file, what stood in it and on which lines."""

    path: Path
    raw: dict[str, Any] = field(default_factory=dict)
    lines: dict[tuple[str, ...], int] = field(default_factory=dict)


@dataclass(frozen=True)
class Settings:
    """Everything learnt or chosen. A field is a table of the file, a dict of dataclasses a table a name."""

    play: Play = field(default_factory=Play)
