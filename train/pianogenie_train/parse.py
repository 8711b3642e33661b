"""One MIDI file's bytes -> its piano notes.

Knows: symusic parses ticks; seconds are made here, in double precision, from the file's own tempo map
(symusic's own seconds are single precision: 0.06 ms of grain after a quarter of an hour).
Does not know: where the bytes came from. Must not import torch: worker processes load this module.
"""

from dataclasses import dataclass, field

import numpy as np
from symusic import Score

from pianogenie.keys import HIGHEST_PITCH, LOWEST_PITCH

DEFAULT_TEMPO_US = 500_000
"""Microseconds a quarter note until a file says otherwise (Standard MIDI Files 1.0)."""

LONGEST_FILE_S = 24 * 3600.0
"""A file that claims to last longer than a day is broken, or no performance."""

DRUMS = "drums"
OUT_OF_RANGE = f"outside {LOWEST_PITCH}..{HIGHEST_PITCH}"


class BrokenFile(Exception):
    """A file that gives no usable notes. The message is the reason, for the report."""


@dataclass
class Notes:
    """The piano notes of a piece, sorted by onset, then pitch; each array has shape [N].

    `left_out` counts the notes that are not among them, by reason.
    """

    keys: np.ndarray  # uint8, 0..87
    onsets: np.ndarray  # float64, seconds from the file's start
    durations: np.ndarray  # float32, seconds
    velocities: np.ndarray  # uint8, 1..127
    left_out: dict[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.keys)


def parse(data: bytes) -> Notes:
    """Read a Standard MIDI File: any number of tracks, drums and notes off the piano left out.

    Raises BrokenFile with the reason if it cannot be read or holds no piano note.
    """
    if not data:
        raise BrokenFile("empty file")
    try:
        score = Score.from_midi(data)
    except Exception as error:  # symusic raises RuntimeError and, at times, others
        raise BrokenFile(f"not readable as MIDI: {_one_line(error)}") from error
    if score.ticks_per_quarter <= 0:
        raise BrokenFile("not readable as MIDI: zero ticks a quarter note")

    left_out: dict[str, int] = {}
    kept = []
    for track in score.tracks:
        if track.is_drum:
            if len(track.notes):
                left_out[DRUMS] = left_out.get(DRUMS, 0) + len(track.notes)
        elif len(track.notes):
            kept.append(track.notes.numpy())
    pitch, start, length, velocity = (
        np.concatenate([notes[name] for notes in kept]).astype(np.int64) if kept else np.zeros(0, np.int64)
        for name in ("pitch", "time", "duration", "velocity")
    )
    on_piano = (pitch >= LOWEST_PITCH) & (pitch <= HIGHEST_PITCH)
    if not on_piano.all():
        left_out[OUT_OF_RANGE] = int((~on_piano).sum())
        pitch, start, length, velocity = (a[on_piano] for a in (pitch, start, length, velocity))
    if not len(pitch):
        raise BrokenFile("no piano note in it")

    # One number to sort by instead of two: files are nearly in order, which a stable sort makes use of.
    order = np.argsort(start * 128 + pitch, kind="stable")
    pitch, start, length, velocity = (a[order] for a in (pitch, start, length, velocity))
    onsets, ends = _seconds(score, np.stack([start, start + np.maximum(length, 0)]))
    if not np.isfinite(onsets).all() or onsets[0] < 0 or onsets[-1] > LONGEST_FILE_S:
        raise BrokenFile("its times make no sense")
    return Notes(
        keys=(pitch - LOWEST_PITCH).astype(np.uint8),
        onsets=onsets,
        durations=(ends - onsets).astype(np.float32),
        velocities=np.clip(velocity, 1, 127).astype(np.uint8),
        left_out=left_out,
    )


def _seconds(score: Score, ticks: np.ndarray) -> np.ndarray:
    """Ticks, of any shape, -> seconds by the tempo map."""
    tempos = score.tempos.numpy() if len(score.tempos) else {"time": [], "mspq": []}
    at = np.asarray(tempos["time"], np.int64)
    tempo = np.asarray(tempos["mspq"], np.float64)
    order = np.argsort(at, kind="stable")
    at, tempo = at[order], tempo[order]
    if not len(at) or at[0] > 0:
        at, tempo = np.append(0, at), np.append(DEFAULT_TEMPO_US, tempo)
    seconds_a_tick = tempo / 1e6 / score.ticks_per_quarter
    began = np.concatenate([[0.0], np.cumsum(np.diff(at) * seconds_a_tick[:-1])])
    if len(at) == 1:
        return ticks * seconds_a_tick[0]
    which = np.searchsorted(at, ticks, side="right") - 1
    return began[which] + (ticks - at[which]) * seconds_a_tick[which]


def _one_line(error: Exception) -> str:
    """A library's message, short enough for a report and without the values that differ file by file."""
    return " ".join(str(error).split())[:100] or type(error).__name__
