"""Recordings: whole when all goes well, kept when it does not."""

import errno
import json
import os
import subprocess
import sys
import time

import mido
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pianogenie.errors import UserError
from pianogenie.events import NoteOff, NoteOn, Pedal, Press, Release
from pianogenie.outputs import recorder as recorder_module
from pianogenie.outputs.journal import FORMAT, Journal, Reading, claim, left_behind
from pianogenie.outputs.recorder import Recorder, recover
from pianogenie.performance import load_performance
from tests.e2e.programs import wait_for

PLAYED = [
    Pedal(127, 0.0),
    NoteOn(39, 90, 3, 0.25),
    NoteOn(43, 91, 4, 0.25),
    NoteOff(39, 0.75),
    NoteOff(43, 1.0),
    Pedal(0, 1.0),
]
DONE = [Press(3, 0.25, None), Release(3, 0.75)]


def play(recorder, played=PLAYED, done=DONE):
    for event in played:
        recorder.send(event)
    for event in done:
        recorder.witness(event)


def journal_of(folder):
    (path,) = wait_for(lambda: [p for p in folder.glob("*.journal") if b"release" in p.read_bytes()], "the journal")
    return path


def test_a_recording_is_what_was_done_and_what_sounded(tmp_path):
    recorder = Recorder(tmp_path / "music", 8, ["model toy"])
    play(recorder)
    recorder.close()
    json_file, midi_file = recorder.saved
    assert load_performance(json_file).events == DONE
    assert sum(m.type == "note_on" for m in mido.MidiFile(midi_file)) == 2
    assert json_file.stem == midi_file.stem
    assert sorted(os.listdir(tmp_path / "music")) == sorted([json_file.name, midi_file.name])


def test_two_recordings_of_one_second_do_not_meet(tmp_path):
    recorders = [Recorder(tmp_path, 8) for _ in range(3)]
    for recorder in recorders:
        recorder.witness(Press(0, 0.0))
    for recorder in recorders:
        recorder.close()
    assert len(list(tmp_path.glob("*.json"))) == len(list(tmp_path.glob("*.mid"))) == 3


def test_a_session_without_a_press_leaves_nothing(tmp_path):
    recorder = Recorder(tmp_path, 8)
    recorder.witness(Release(0, 0.0))
    recorder.close()
    assert os.listdir(tmp_path) == []


def test_what_came_before_the_first_press_is_in_the_recording(tmp_path):
    recorder = Recorder(tmp_path, 8)
    recorder.witness(Pedal(127, 0.0))
    time.sleep(0.3)
    assert os.listdir(tmp_path) == []
    recorder.witness(Press(1, 1.0))
    recorder.close()
    assert load_performance(recorder.saved[0]).events == [Pedal(127, 0.0), Press(1, 1.0)]


def test_a_recording_folder_that_cannot_be_is_said_at_the_start(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot record there"):
        Recorder(tmp_path / "file", 8)


def test_if_one_of_its_files_cannot_be_written_the_other_is_and_the_journal_stays(tmp_path):
    recorder = Recorder(tmp_path, 8)
    play(recorder)
    journal = journal_of(tmp_path)
    journal.with_suffix(".json").mkdir()
    with pytest.raises(UserError, match=f"kept in {journal}"):
        recorder.close()
    assert recorder.saved[-1] == journal.with_suffix(".mid") and recorder.saved[-1].is_file() and journal.is_file()
    journal.with_suffix(".json").rmdir()
    assert len(recover(journal)) == 2 and not journal.exists()


KILLED = """
import os, signal, sys, time
from pathlib import Path
from pianogenie.outputs.recorder import Recorder
from pianogenie.events import *
recorder = Recorder(Path(sys.argv[1]), 8, ["seed 7"])
recorder.send(Pedal(127, 0.1))
recorder.witness(Press(2, 0.5, 64)); recorder.send(NoteOn(30, 64, 2, 0.5))
recorder.witness(Press(3, 0.75)); recorder.send(NoteOn(40, 65, 3, 0.75))
recorder.witness(Release(3, 1.0)); recorder.send(NoteOff(40, 1.0))
print("played", flush=True)
time.sleep(60)
"""


def test_a_killed_session_becomes_a_recording_in_which_every_note_ends(tmp_path):
    with subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path)], stdout=subprocess.PIPE, text=True) as process:
        process.stdout.readline()
        journal = journal_of(tmp_path)
        assert left_behind(tmp_path) == [] and recover(journal) == [], "it is alive: hands off"
        process.kill()
    assert left_behind(tmp_path) == [journal]
    json_file, midi_file = recover(journal)
    assert load_performance(json_file).events == [Press(2, 0.5, 64), Press(3, 0.75), Release(3, 1.0)]
    messages = [m for m in mido.MidiFile(midi_file) if not m.is_meta and m.type != "program_change"]
    assert [m.type for m in messages] == [
        "control_change",
        "note_on",
        "note_on",
        "note_off",
        "note_off",
        "control_change",
    ]
    assert messages[-2].note == 51 and messages[-1].value == 0
    assert not journal.exists() and left_behind(tmp_path) == []


@given(cut=st.integers(0, 400), junk=st.binary(max_size=40))
def test_a_journal_cut_anywhere_gives_what_is_whole(tmp_path_factory, cut, junk):
    path = tmp_path_factory.mktemp("j") / "x.journal"
    journal = Journal(path, 8, ["seed 7"])
    header = path.stat().st_size
    journal.append([*((event,) for event in DONE), *PLAYED])
    journal.close()
    data = path.read_bytes()
    path.write_bytes(data[: header + cut] + junk)
    reading = Reading(path)
    whole = data[header : header + cut].count(b"\n")
    assert list(reading.done())[: min(whole, 2)] == DONE[: min(whole, 2)]
    sounding = set()
    for event in reading.sounded():
        if isinstance(event, NoteOn):
            assert event.key not in sounding
            sounding.add(event.key)
        elif isinstance(event, NoteOff):
            sounding.remove(event.key)
    assert not sounding


values = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.lists(st.integers(), max_size=2)
)


@given(
    lines=st.lists(
        st.tuples(st.sampled_from(["press", "release", "on", "off", "sustain"]), st.lists(values, max_size=4))
    )
)
def test_a_journal_that_a_stranger_wrote_gives_good_events_or_none(tmp_path_factory, lines):
    path = tmp_path_factory.mktemp("j") / "x.journal"
    header = {"format": FORMAT, "num_buttons": 8, "notes": [], "start": 0}
    path.write_text("\n".join(map(json.dumps, [header, *([kind, *rest] for kind, rest in lines)])))
    saved = recover(path)
    load_performance(saved[0])
    mido.MidiFile(saved[1])


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"format": "pianogenie-journal/1"}', "\0" * 99])
def test_a_file_that_is_no_journal_is_named(tmp_path, text):
    path = tmp_path / "x.journal"
    path.write_text(text)
    with pytest.raises(UserError, match=r"x\.journal: not the journal"):
        recover(path)
    assert path.exists()


def test_a_journal_in_which_nothing_was_written_yet_is_cleared_away(tmp_path):
    (tmp_path / "x.journal").touch()
    assert left_behind(tmp_path) == [] and os.listdir(tmp_path) == []


class FullDisk:
    """Stands in for a journal's file: takes so many bytes and no more."""

    def __init__(self, file, room):
        self.file, self.room = file, room

    def write(self, data):
        if not self.room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written = self.file.write(data[: self.room])
        self.room -= written
        return written

    def __getattr__(self, name):
        return getattr(self.file, name)


def test_a_full_disk_is_said_once_and_what_was_written_is_kept(tmp_path, monkeypatch):
    said = []
    recorder = Recorder(tmp_path, 8, announce=said.append)
    play(recorder)
    journal_of(tmp_path)
    recorder._journal._file = FullDisk(recorder._journal._file, room=50)
    for i in range(1000):
        recorder.witness(Press(1, 2.0 + i))
        recorder.witness(Release(1, 2.5 + i))
    wait_for(lambda: said, "the notice")
    for i in range(1000):
        recorder.witness(Press(2, 9000.0 + i))
    with pytest.raises(UserError, match="No space left"):
        recorder.close()
    assert len(said) == 1 and "goes on without a recording" in said[0]
    assert load_performance(recorder.saved[0]).events[:3] == [*DONE, Press(1, 2.0)]


def test_a_long_silence_ends_a_recording_and_the_next_begins_at_its_own_zero(tmp_path, monkeypatch):
    monkeypatch.setattr(recorder_module, "_TAKE_ENDS_S", 0.2)
    recorder = Recorder(tmp_path, 8)
    play(recorder)
    wait_for(lambda: len(recorder.saved) == 2, "the first recording")
    play(recorder, [NoteOn(5, 60, 1, 5000.5), NoteOff(5, 5001.0)], [Press(1, 5000.5), Release(1, 5001.0)])
    recorder.close()
    first, _, second, _ = recorder.saved
    assert load_performance(first).events == DONE
    assert load_performance(second).events == [Press(1, 0.0), Release(1, 0.5)]


def test_an_instrument_that_nobody_touched_for_days_records_what_can_be_read(tmp_path):
    days = 3 * 86400.0
    recorder = Recorder(tmp_path, 8)
    play(recorder, [NoteOn(5, 60, 1, days), NoteOff(5, days + 0.5)], [Press(1, days), Release(1, days + 0.5)])
    recorder.close()
    assert load_performance(recorder.saved[0]).events == [Press(1, 0.0), Release(1, 0.5)]


def test_a_claimed_journal_is_nobody_elses(tmp_path):
    path = tmp_path / "x.journal"
    Journal(path, 8, []).close()
    file = claim(path)
    assert claim(path) is None
    file.close()
    claim(path).close()
