"""Standard MIDI Files of what was played."""

import io
import struct
from collections.abc import Iterable
from pathlib import Path

from pianogenie.events import NoteOff, NoteOn, PianoEvent
from pianogenie.files import written_whole
from pianogenie.keys import pitch_of

TICKS_PER_BEAT = 960
_TICKS_PER_SECOND = TICKS_PER_BEAT * 2  # at MIDI's default tempo, 120 beats a minute: half a millisecond
_LONGEST_DELTA = (1 << 28) - 1  # of an SMF, in ticks: 38 hours


def write_midi(events: Iterable[PianoEvent], path: Path | str, notes: Iterable[str] = ()) -> None:
    """Write piano events (times in seconds, never decreasing) as a one-track file.

    Takes no memory for them: mido, which would hold each as a message, writes the head and the tail only.

    Args:
        events: note-ons, note-offs and pedals.
        path: where to; written whole or not at all.
        notes: lines of text about the performance, kept as text events at its head.

    Raises:
        UserError: the file cannot be written.
    """
    import mido  # here: it takes a tenth of the time to the first note, and is needed after the last

    head = [mido.MetaMessage("track_name", name="Pianogenie")]
    head += [mido.MetaMessage("text", text=line.encode("ascii", "replace").decode()) for line in notes]
    head += [mido.MetaMessage("set_tempo", tempo=500_000), mido.Message("program_change", program=0)]
    with written_whole(path) as temporary, open(temporary, "wb") as file:
        file.write(b"MThd" + struct.pack(">IHHH", 6, 0, 1, TICKS_PER_BEAT))
        file.write(b"MTrk\0\0\0\0")
        start = file.tell()
        for message in head:
            file.write(bytes([0, *message.bytes()]))
        _write_events(events, file)
        file.write(bytes([0, *mido.MetaMessage("end_of_track").bytes()]))
        length = file.tell() - start
        file.seek(start - 4)
        file.write(struct.pack(">I", length))


def _write_events(events: Iterable[PianoEvent], file: io.BufferedWriter) -> None:
    from mido.midifiles.meta import encode_variable_int

    now, status = 0, 0
    for event in events:
        tick = max(now, round(event.time * _TICKS_PER_SECOND))
        while tick - now > _LONGEST_DELTA:  # an empty text stands in the middle of the silence
            file.write(bytes([*encode_variable_int(_LONGEST_DELTA), 0xFF, 0x01, 0]))
            now, status = now + _LONGEST_DELTA, 0
        data = _bytes(event)
        # Running status: a status byte like the last is left out.
        file.write(bytes([*encode_variable_int(tick - now), *(data[1:] if data[0] == status else data)]))
        now, status = tick, data[0]


def _bytes(event: PianoEvent) -> tuple[int, int, int]:
    if isinstance(event, NoteOn):
        return 0x90, pitch_of(event.key), event.velocity
    if isinstance(event, NoteOff):
        return 0x80, pitch_of(event.key), 64
    return 0xB0, 64, event.value
