"""Standard MIDI Files of what was played."""

from collections.abc import Iterable
from pathlib import Path

import mido

from pianogenie.events import NoteOff, NoteOn, PianoEvent
from pianogenie.files import written_whole
from pianogenie.keys import pitch_of

TICKS_PER_BEAT = 960
_TICKS_PER_SECOND = TICKS_PER_BEAT * 2  # at MIDI's default tempo, 120 beats a minute: half a millisecond


def write_midi(events: Iterable[PianoEvent], path: Path | str, notes: Iterable[str] = ()) -> None:
    """Write piano events (times in seconds, never decreasing) as a one-track file.

    Args:
        events: note-ons, note-offs and pedals.
        path: where to; written whole or not at all.
        notes: lines of text about the performance, kept as text events at its head.

    Raises:
        UserError: the file cannot be written.
    """
    track = mido.MidiTrack()
    track.append(mido.MetaMessage("track_name", name="Pianogenie"))
    for line in notes:
        track.append(mido.MetaMessage("text", text=line.encode("ascii", "replace").decode()))
    track.append(mido.MetaMessage("set_tempo", tempo=500_000))
    track.append(mido.Message("program_change", program=0))
    now = 0
    for event in events:
        tick = max(now, round(event.time * _TICKS_PER_SECOND))
        track.append(_message(event, tick - now))
        now = tick
    track.append(mido.MetaMessage("end_of_track"))
    with written_whole(path) as temporary:
        mido.MidiFile(type=0, ticks_per_beat=TICKS_PER_BEAT, tracks=[track]).save(temporary)


def _message(event: PianoEvent, delta: int) -> mido.Message:
    if isinstance(event, NoteOn):
        return mido.Message("note_on", note=pitch_of(event.key), velocity=event.velocity, time=delta)
    if isinstance(event, NoteOff):
        return mido.Message("note_off", note=pitch_of(event.key), velocity=64, time=delta)
    return mido.Message("control_change", control=64, value=event.value, time=delta)
