"""Everything that a person has chosen or taught the instrument, in one commented TOML file of theirs."""

from pianogenie.settings.schema import entry
from pianogenie.settings.store import create, load, remember, settings_path, toml
from pianogenie.settings.tables import Gamepad, Midi, Origin, Play, Settings

__all__ = [
    "Gamepad",
    "Midi",
    "Origin",
    "Play",
    "Settings",
    "create",
    "entry",
    "load",
    "remember",
    "settings_path",
    "toml",
]
