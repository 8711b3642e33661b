"""Files that are whole or not there: any file, MIDI files."""

import os

import mido
import pytest

from pianogenie.errors import UserError
from pianogenie.events import NoteOff, NoteOn, Pedal
from pianogenie.files import read_bytes, written_whole
from pianogenie.smf import write_midi


def test_a_block_that_fails_leaves_the_old_file_alone(tmp_path):
    path = tmp_path / "x.txt"
    path.write_text("old")
    with pytest.raises(ZeroDivisionError), written_whole(path) as temporary:
        temporary.write_text("half")
        raise ZeroDivisionError
    assert path.read_text() == "old" and os.listdir(tmp_path) == ["x.txt"]


def test_a_block_that_ends_well_replaces_it(tmp_path):
    path = tmp_path / "deep" / "x.txt"
    with written_whole(path) as temporary:
        temporary.write_text("new")
        assert not path.exists()
    assert path.read_text() == "new" and os.listdir(path.parent) == ["x.txt"]


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="x.txt: cannot be written"), written_whole(tmp_path / "file" / "x.txt"):
        pass
    with pytest.raises(UserError, match="directory"), written_whole(tmp_path):
        pass


def test_what_no_file_can_be_called_cannot_be_read(tmp_path):
    for name in ("x" * 300, "half \ud800", "nul\0"):
        with pytest.raises(UserError, match="cannot be read"):
            read_bytes(tmp_path / name, 100)


PLAYED = [
    Pedal(127, 0.0),
    NoteOn(39, 90, 3, 0.25),
    NoteOn(43, 91, 4, 0.25),
    NoteOff(39, 0.75),
    NoteOff(43, 1.0),
    Pedal(0, 1.0),
]


def test_a_midi_file_holds_the_notes_at_their_times(tmp_path):
    write_midi(PLAYED, tmp_path / "x.mid", ["seed 7"])
    now, seen = 0.0, []
    for message in mido.MidiFile(tmp_path / "x.mid"):
        now += message.time
        if not message.is_meta:
            seen.append((round(now, 3), message.bytes()))
    assert seen == [
        (0.0, [0xC0, 0]),
        (0.0, [0xB0, 64, 127]),
        (0.25, [0x90, 60, 90]),
        (0.25, [0x90, 64, 91]),
        (0.75, [0x80, 60, 64]),
        (1.0, [0x80, 64, 64]),
        (1.0, [0xB0, 64, 0]),
    ]
    texts = [m.text for m in mido.MidiFile(tmp_path / "x.mid").tracks[0] if m.type == "text"]
    assert texts == ["seed 7"]


def test_times_do_not_drift_over_many_notes(tmp_path):
    events = [NoteOn(40, 80, 0, i * 0.1001) if i % 2 else NoteOff(40, i * 0.1001) for i in range(1, 2001)]
    write_midi(events, tmp_path / "x.mid")
    now = 0.0
    for message in mido.MidiFile(tmp_path / "x.mid"):
        now += message.time
    assert now == pytest.approx(2000 * 0.1001, abs=0.001)


def test_a_silence_longer_than_a_midi_file_can_tell_is_bridged(tmp_path):
    day_s = 86_400.0
    write_midi([NoteOn(40, 80, 0, 0.0), NoteOff(40, 5 * day_s)], tmp_path / "x.mid")
    file = mido.MidiFile(tmp_path / "x.mid")
    assert sum(m.time for m in file.tracks[0]) / (2 * file.ticks_per_beat) == 5 * day_s
