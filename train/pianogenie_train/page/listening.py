"""A piece that no training saw, the buttons that a model finds for it, and what models make of those buttons.

What is heard and drawn comes from the instrument itself: the same Performer and Genie, the same piano.
"""

import base64
import io
import json
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from pianogenie.events import NoteOff, NoteOn, Pedal, PianoEvent, Press, Release
from pianogenie.genie import DEFAULT_TEMPERATURE, Genie
from pianogenie.keys import FIRST_DELTA_TIME_S
from pianogenie.model import Model
from pianogenie.offline import perform
from pianogenie.performance import Performance
from pianogenie.piano.offline import render_wav
from pianogenie_train.data import Prepared
from pianogenie_train.page.charts import Note

EXCERPT_S = 24.0
MOST_NOTES = 400
SEED = 0
_RINGS_ON_S = 1.5
_SHORTEST_S = 0.05


@dataclass(frozen=True)
class Excerpt:
    """The beginning of a piece, by the name of its file.

    Arrays [N]: keys int64, onsets and durations float64 (s), velocities int64.
    """

    name: str
    keys: np.ndarray
    onsets: np.ndarray
    durations: np.ndarray
    velocities: np.ndarray

    @property
    def seconds(self) -> float:
        """Until the last note has been let go."""
        return float((self.onsets + self.durations).max())


def excerpt(data: Prepared, split: str = "validation") -> Excerpt:
    """The beginning of the split's longest piece. The split holds a piece."""
    starts, lengths = data.pieces(split)
    at = int(starts[lengths.argmax()])
    notes = slice(at, at + min(int(lengths.max()), MOST_NOTES))
    onsets = data.onsets[notes] - data.onsets[at]
    count = int(np.searchsorted(onsets, EXCERPT_S))
    durations = np.minimum(data.durations[notes], EXCERPT_S - np.minimum(onsets, EXCERPT_S))
    pieces = json.loads((data.folder / "data.json").read_text(encoding="utf-8"))["pieces"]
    name = next((str(piece["name"]) for piece in pieces if piece["start"] == at), "a piece")
    return Excerpt(
        name.rsplit(".", 1)[0],
        data.keys[notes][:count].astype(np.int64),
        onsets[:count],
        np.maximum(durations[:count].astype(np.float64), _SHORTEST_S),
        data.velocities[notes][:count].astype(np.int64),
    )


def buttons_for(piece: Excerpt, model: Model) -> np.ndarray:
    """The buttons int64 [N] that the model's encoder finds for the piece."""
    delta_times = np.diff(piece.onsets, prepend=0.0).astype(np.float32)
    delta_times[0] = FIRST_DELTA_TIME_S
    return model.encoder.encode(piece.keys[None], delta_times[None])[0]


def performance(piece: Excerpt, buttons: np.ndarray, num_buttons: int) -> Performance:
    """A press for each note, with its velocity; a button is let go with its note unless it is pressed anew before."""
    events: list[tuple[float, int, Press | Release]] = []
    pressed_next: dict[int, float] = {}
    for n in reversed(range(len(buttons))):
        button, onset = int(buttons[n]), float(piece.onsets[n])
        end = onset + float(piece.durations[n])
        events.append((onset, 1, Press(button, onset, int(piece.velocities[n]))))
        if end < pressed_next.get(button, np.inf):
            events.append((end, 0, Release(button, end)))
        pressed_next[button] = onset
    events.reverse()  # notes of one time stay in their order
    return Performance(num_buttons, [event for *_, event in sorted(events, key=lambda e: e[:2])], piece.name)


def played(performance: Performance, model: Model) -> list[PianoEvent]:
    """What the model plays for it, at the temperature that the instrument starts with and a seed of its own."""
    return perform(performance, Genie(model, DEFAULT_TEMPERATURE, SEED))


def stretched(buttons: np.ndarray, num_buttons: int, onto: int) -> np.ndarray:
    """Buttons of a row laid over a row of another length."""
    return np.floor(buttons * (onto - 1) / (num_buttons - 1) + 0.5).astype(np.int64)


def as_written(piece: Excerpt) -> list[PianoEvent]:
    """The piece itself."""
    events: list[tuple[float, int, PianoEvent]] = []
    for key, onset, duration, velocity in zip(
        piece.keys.tolist(), piece.onsets.tolist(), piece.durations.tolist(), piece.velocities.tolist(), strict=True
    ):
        events += [(onset, 1, NoteOn(key, velocity, 0, onset)), (onset + duration, 0, NoteOff(key, onset + duration))]
    return [event for *_, event in sorted(events, key=lambda e: e[:2])]


def notes_of(events: list[PianoEvent]) -> list[Note]:
    """The bars of a roll, in order of their onsets."""
    sounding: dict[int, NoteOn] = {}
    found: list[Note] = []

    def end(key: int, time: float) -> None:
        if key in sounding:
            on = sounding.pop(key)
            found.append(Note(key, on.time, time, on.button))

    for event in events:
        if isinstance(event, Pedal):
            continue
        end(event.key, event.time)
        if isinstance(event, NoteOn):
            sounding[event.key] = event
    for key in list(sounding):
        end(key, events[-1].time)
    return sorted(found, key=lambda note: (note.start, note.key))


def audio(events: list[PianoEvent], seconds: float) -> str:
    """The built-in piano's sound of the events, faded out after `seconds`, as a data URI: MP3, or Ogg Vorbis where
    libsndfile knows no MP3."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sound.wav"
        render_wav(events, path)
        sound, rate = soundfile.read(path, dtype="float32")
    sound = sound[: round((seconds + _RINGS_ON_S) * rate)]
    fade = min(len(sound), round(_RINGS_ON_S * rate))
    sound[len(sound) - fade :] *= np.linspace(1, 0, fade, dtype=np.float32)[:, None]
    kind, mime = ("MP3", "audio/mpeg") if "MP3" in soundfile.available_formats() else ("OGG", "audio/ogg")
    packed = io.BytesIO()
    soundfile.write(packed, sound, rate, format=kind, compression_level=0.6)
    return f"data:{mime};base64," + base64.b64encode(packed.getvalue()).decode("ascii")
