"""Well-known melodies with the buttons that a person would tap for them, set by ear and kept as data.

assets/songs/melodies.json holds pitches (MIDI note numbers) and buttons 0..7: a step of the scale is about a
button, the melody's range is laid over the row, and where it does not fit, the contour goes first.
"""

import json
from dataclasses import dataclass

import numpy as np

from pianogenie.errors import UserError
from pianogenie.keys import LOWEST_PITCH
from pianogenie.paths import assets_dir

TRANSPOSITIONS = range(-6, 6)
DELTA_TIME_S = 0.256
_SET_FOR = 8  # buttons


@dataclass(frozen=True)
class Melody:
    """A melody: keys int64 [N] (0..87) and its buttons int64 [N] (0..7)."""

    title: str
    keys: np.ndarray
    buttons: np.ndarray

    def buttons_for(self, num_buttons: int) -> np.ndarray:
        """The buttons, int64 [N], stretched or squeezed onto another number of them."""
        return np.floor(self.buttons * (num_buttons - 1) / (_SET_FOR - 1) + 0.5).astype(np.int64)

    def transposed(self) -> np.ndarray:
        """The keys in the 12 transpositions -6..+5 semitones: int64 [12, N]."""
        return self.keys[None] + np.array(TRANSPOSITIONS)[:, None]


def load() -> list[Melody]:
    """The melodies of the repository. Raises UserError if the file is missing or damaged."""
    path = assets_dir() / "songs" / "melodies.json"
    try:
        songs = json.loads(path.read_text(encoding="utf-8"))["melodies"]
        return [
            Melody(
                song["title"], np.array(song["pitches"], np.int64) - LOWEST_PITCH, np.array(song["buttons"], np.int64)
            )
            for song in songs
        ]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path}: cannot be read ({error}); install Pianogenie again") from error
