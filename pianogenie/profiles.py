"""Hardware profiles: what the instrument at the other end of a MIDI port can do, a small TOML file each.

Those that ship lie in `assets/profiles/`; docs/disklavier.md says what every entry does.
"""

import fnmatch
import functools
import sys
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

from pianogenie.errors import UserError
from pianogenie.files import read_bytes
from pianogenie.keys import HIGHEST_PITCH, LOWEST_PITCH, NUM_KEYS
from pianogenie.paths import assets_dir
from pianogenie.settings.dots import line_with_too_many_dots
from pianogenie.settings.schema import Wrong, entry, read

SUSTAIN, SOSTENUTO, SOFT, ALL_SOUND_OFF, ALL_NOTES_OFF = 64, 66, 67, 120, 123
NO_PROFILE = "none"

_MAX_BYTES = 16 << 10
_OCTAVE = 12


@dataclass(frozen=True)
class Velocity:
    """How hard a note is struck."""

    floor: int = entry(1, "The softest that sounds; softer notes are sent as this.", low=1, high=127)
    ceiling: int = entry(127, "The loudest that is good to hear; louder notes are sent as this.", low=1, high=127)
    curve: tuple[tuple[int, ...], ...] = entry(
        ((1, 1), (127, 127)), "Points [played, sent], both rising; straight lines between them.", low=1, high=127
    )


@dataclass(frozen=True)
class Latency:
    """How long a note takes from the message to the sound, in ms. For people: nothing is delayed by it."""

    soft_ms: float = entry(0.0, "The softest.", low=0, high=1000)
    loud_ms: float = entry(0.0, "The loudest.", low=0, high=1000)


@dataclass(frozen=True)
class Profile:
    """What an instrument can do. As it stands, without a file: everything, at once."""

    description: str = entry("no limits", "What it is for, in a line.")
    ports: tuple[str, ...] = entry((), "Names of ports that it is for; * stands for anything, case does not matter.")
    channel: int = entry(1, "The MIDI channel.", low=1, high=16)
    keys: tuple[int, ...] = entry(
        (LOWEST_PITCH, HIGHEST_PITCH),
        "The lowest and the highest MIDI note; others are moved by octaves.",
        low=0,
        high=127,
    )
    most_keys: int = entry(128, "How many keys may be down; the oldest is let go for a new one.", low=1, high=128)
    restrike_ms: float = entry(0.0, "From a key's release to its next strike.", low=0, high=1000)
    shortest_note_ms: float = entry(0.0, "A key that is let go sooner is let go then.", low=0, high=1000)
    longest_note_s: float | None = entry(None, "A key that is held longer is let go then.", low=1, high=3600)
    pedal: Literal["continuous", "switch", "none"] = entry("continuous", "What its sustain pedal understands.")
    half_pedal_channel: int | None = entry(None, "A second channel that hears the pedal's position.", low=1, high=16)
    controllers: tuple[int, ...] = entry(
        (SUSTAIN, SOSTENUTO, SOFT, ALL_SOUND_OFF, ALL_NOTES_OFF), "The controllers that it knows.", low=0, high=127
    )
    active_sensing: bool = entry(False, "Whether it silences itself when active sensing stops.")
    velocity: Velocity = field(default_factory=Velocity)
    latency: Latency = field(default_factory=Latency)

    def __post_init__(self) -> None:
        if len(self.keys) != 2 or self.keys[1] - self.keys[0] < _OCTAVE - 1:
            raise Wrong(("keys",), f"{list(self.keys)} is not [lowest, highest], an octave or more apart")
        if self.longest_note_s is not None and self.longest_note_s * 1000 < self.shortest_note_ms:
            raise Wrong(("longest_note_s",), "it is less than shortest_note_ms")
        if self.velocity.ceiling < self.velocity.floor:
            raise Wrong(("velocity", "ceiling"), f"{self.velocity.ceiling} is less than the floor")
        curve = self.velocity.curve
        if len(curve) < 2 or any(len(point) != 2 for point in curve):
            raise Wrong(("velocity", "curve"), "it is not a list of two or more points [played, sent]")
        if any(a[0] >= b[0] or a[1] > b[1] for a, b in pairwise(curve)):
            raise Wrong(("velocity", "curve"), "its points do not rise")

    def is_limited(self) -> bool:
        """Whether it cannot take every note at the moment it comes, so that its notes need books of their own."""
        return (
            self.keys[0] > LOWEST_PITCH
            or self.keys[1] < HIGHEST_PITCH
            or self.most_keys < NUM_KEYS
            or self.restrike_ms > 0
            or self.shortest_note_ms > 0
            or self.longest_note_s is not None
        )

    def pitches(self) -> tuple[int, ...]:
        """The MIDI note of each of the 88 keys: its own, or the nearest octave of it that the instrument has."""
        lowest, highest = self.keys
        return tuple(
            pitch
            if lowest <= pitch <= highest
            else lowest + (pitch - lowest) % _OCTAVE
            if pitch < lowest
            else highest - (highest - pitch) % _OCTAVE
            for pitch in range(LOWEST_PITCH, HIGHEST_PITCH + 1)
        )

    def velocities(self) -> tuple[int, ...]:
        """What each velocity 0..127 is sent as."""
        floor, ceiling, curve = self.velocity.floor, self.velocity.ceiling, self.velocity.curve
        return (0, *(min(max(_on_curve(curve, velocity), floor), ceiling) for velocity in range(1, 128)))

    def suits(self, port_name: str) -> bool:
        """Whether it is for a port of that name."""
        return any(fnmatch.fnmatchcase(port_name.lower(), pattern.lower()) for pattern in self.ports)


def profile_names() -> list[str]:
    """The profiles that ship."""
    return sorted(_shipped())


def profile_of_port(port_name: str) -> tuple[str, Profile]:
    """The profile that ships for ports of this name, and what it is called; 'none' where there is none."""
    for name, path in sorted(_shipped().items()):
        profile = load_profile(path)
        if profile.suits(port_name):
            return name, profile
    return NO_PROFILE, Profile()


def find_profile(name_or_file: str) -> tuple[str, Profile]:
    """A profile that ships, by name, one's own, by its file, or 'none'; and what it is called. Raises UserError."""
    if name_or_file == NO_PROFILE:
        return NO_PROFILE, Profile()
    path = _shipped().get(name_or_file, Path(name_or_file).expanduser())
    if not path.exists() and path.suffix.lower() != ".toml":
        names = ", ".join([*profile_names(), NO_PROFILE])
        raise UserError(f"{name_or_file}: no such profile; there are {names}; one of your own is a file x.toml")
    return path.stem, load_profile(path)


@functools.cache
def load_profile(path: Path | str) -> Profile:
    """Read a profile's file. Raises UserError, naming the file, the line, and what is wrong there."""
    text, raw = _parse(Path(path))
    try:
        return read(Profile, raw)
    except Wrong as wrong:
        from pianogenie.settings.lines import line_of, lines_of

        line = line_of(lines_of(text), wrong.path)
        where = f"{path}: line {line}" if line else str(path)
        raise UserError(f"{where}: {'.'.join(wrong.path)[:80]}: {wrong}") from wrong


def _shipped() -> dict[str, Path]:
    return {path.stem: path for path in (assets_dir() / "profiles").glob("*.toml")}


def _parse(path: Path) -> tuple[str, dict[str, Any]]:
    data = read_bytes(path, _MAX_BYTES)
    try:
        text = data.decode("utf-8-sig")
        if line := line_with_too_many_dots(text):
            raise UserError(f"{path}: line {line}: more dots than an entry of a profile has")
        if sys.version_info >= (3, 11):
            import tomllib  # in a hundredth of tomlkit's time

            return text, tomllib.loads(text)
        import tomlkit

        return text, tomlkit.parse(text).unwrap()
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: not TOML ({error})") from error


def _on_curve(curve: tuple[tuple[int, ...], ...], velocity: int) -> int:
    """Straight lines between the points, flat outside them."""
    for (x0, y0), (x1, y1) in pairwise(curve):
        if velocity <= x1:
            return round(y0 + (y1 - y0) * max(0, velocity - x0) / (x1 - x0))
    return curve[-1][1]
