"""Collections into arrays: what gets in, what stays out, and what the report says about it."""

import json
import os
import zipfile

import mido
import numpy as np
import pytest
from pianogenie_train import parse, sources, workers
from pianogenie_train.data import Prepared
from pianogenie_train.prepare import prepare
from pianogenie_train.sources import find_all

from pianogenie.errors import UserError

from .conftest import midi_file, music, zipped


def pieces_of(out):
    return {piece["name"]: piece for piece in json.loads((out / "data.json").read_text())["pieces"]}


def test_notes_are_sorted_and_drums_and_far_notes_left_out(tmp_path):
    midi_file(
        tmp_path / "in" / "train" / "a.mid",
        [(64, 1.0, 1.5, 80), (60, 1.0, 2.0, 70), (20, 0.0, 1.0, 60), (109, 0.0, 1.0, 60), (108, 3.0, 3.5, 127)],
        more=[(1, [(21, 0.5, 0.75, 1)]), (9, [(38, 0.0, 0.1, 99)])],
    )
    report = prepare([str(tmp_path / "in")], tmp_path / "out", jobs=1)
    data = Prepared(tmp_path / "out")
    assert data.keys.tolist() == [0, 39, 43, 87]
    assert data.onsets.tolist() == pytest.approx([0.5, 1.0, 1.0, 3.0])
    assert data.durations.tolist() == pytest.approx([0.25, 1.0, 0.5, 0.5])
    assert data.velocities.tolist() == [1, 70, 80, 127]
    assert report["notes_left_out"] == {"outside 21..108": 2, "drums": 1}
    assert report["notes"] == 4
    assert report["hours"] == pytest.approx(3.5 / 3600, abs=1e-3)


def test_seconds_follow_the_tempo(tmp_path):
    file = mido.MidiFile(ticks_per_beat=100)
    track = mido.MidiTrack(
        [
            mido.MetaMessage("set_tempo", tempo=1_000_000),
            mido.Message("note_on", note=60, velocity=50, time=100),  # 1 s
            mido.MetaMessage("set_tempo", tempo=250_000, time=50),  # at 1.5 s
            mido.Message("note_off", note=60, time=50),  # at 1.625 s
            mido.Message("note_on", note=62, velocity=50, time=400),  # at 2.625 s
            mido.Message("note_off", note=62, time=100),
        ]
    )
    file.tracks.append(track)
    file.save(tmp_path / "x.mid")
    notes = parse.parse((tmp_path / "x.mid").read_bytes())
    assert notes.onsets.tolist() == pytest.approx([1.0, 2.625])
    assert notes.durations.tolist() == pytest.approx([0.625, 0.25])


def test_broken_files_are_named_and_skipped(tmp_path):
    good = midi_file(tmp_path / "in" / "train" / "good.mid", music(1))
    folder = good.parent
    (folder / "empty.mid").write_bytes(b"")
    (folder / "junk.MID").write_bytes(os.urandom(3000))
    (folder / "cut.midi").write_bytes(good.read_bytes()[:200])
    (folder / "huge.mid").write_bytes(b"\0" * (sources.LARGEST_FILE_BYTES + 1))
    midi_file(folder / "drums.mid", [(36, 0, 1, 90)], channel=9)
    (folder / "notes.txt").write_text("not music")
    report = prepare([str(tmp_path / "in")], tmp_path / "out", jobs=2)
    assert report["files"] == 1
    reasons = {entry["name"].split("/")[-1]: entry["reason"] for entry in report["left_out"]}
    assert set(reasons) == {"empty.mid", "junk.MID", "cut.midi", "huge.mid", "drums.mid"}
    assert reasons["empty.mid"] == "empty file"
    assert reasons["huge.mid"] == "over 16 MB"
    assert reasons["drums.mid"] == "no piano note in it"
    assert sum(report["files_left_out"].values()) == 5


class _Killer(sources.MidiFile):
    """A file that takes its worker down as soon as it gets there."""

    def __reduce__(self):
        return os._exit, (1,)


def test_a_worker_that_dies_costs_one_file(tmp_path):
    for n in range(3):
        midi_file(tmp_path / f"{n}.mid", music(n))
    good = list(sources.find(str(tmp_path)))
    files = [good[0], _Killer(str(tmp_path), "killer.mid", 1, None), *good[1:]]
    results = list(workers.parse_all(files, jobs=1))
    assert [file.member for file, _ in results] == ["0.mid", "killer.mid", "1.mid", "2.mid"]
    assert [parsed.notes is None for _, parsed in results] == [False, True, False, False]
    assert "crashes" in results[1][1].reason


def test_a_zip_gives_what_its_folder_gives_on_any_number_of_cores(collection, tmp_path):
    archive = zipped(collection, tmp_path / "all.zip")
    prepare([str(collection)], tmp_path / "a", jobs=1)
    prepare([str(archive)], tmp_path / "b", jobs=2)
    a, b = Prepared(tmp_path / "a"), Prepared(tmp_path / "b")
    for name in ("keys", "onsets", "durations", "velocities"):
        assert np.array_equal(getattr(a, name), getattr(b, name))
    assert list(pieces_of(tmp_path / "a")) == list(pieces_of(tmp_path / "b"))
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".")]


def test_names_in_a_zip_never_reach_the_disk(collection, tmp_path):
    inner = (collection / "train" / "0.mid").read_bytes()
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("../../evil.mid", inner)
        archive.writestr("/absolute.mid", inner)
        archive.writestr("line\nbreak.mid", inner)
        archive.writestr("bomb.mid", b"\0" * (sources.LARGEST_FILE_BYTES + 1))
    before = {p for p in tmp_path.rglob("*")}
    report = prepare([str(tmp_path / "x.zip")], tmp_path / "deep" / "out", jobs=1)
    assert report["files"] == 3
    assert report["left_out"] == [{"name": "bomb.mid", "reason": "over 16 MB"}]
    new = {p.relative_to(tmp_path).parts[0] for p in tmp_path.rglob("*")} - {p.name for p in before}
    assert new == {"deep"}
    assert all("\n" not in name for name in pieces_of(tmp_path / "deep" / "out"))


def test_splits_come_from_folders_then_a_maestro_table_then_a_hash(tmp_path):
    root = tmp_path / "in"
    midi_file(root / "Test" / "a.mid", music(1))
    midi_file(root / "2004" / "b.midi", music(2))
    midi_file(root / "2004" / "c.midi", music(3))
    midi_file(root / "other" / "d.mid", music(4))
    (root / "maestro-v3.0.0.csv").write_text(
        "canonical_composer,split,midi_filename\nX,validation,2004/b.midi\nX,train,2004/c.midi\n"
    )
    (root / "other.csv").write_text("a,b\n1,2\n")
    prepare([str(root)], tmp_path / "out", jobs=1)
    splits = {name: piece["split"] for name, piece in pieces_of(tmp_path / "out").items()}
    assert splits["Test/a.mid"] == "test"
    assert splits["2004/b.midi"] == "validation"
    assert splits["2004/c.midi"] == "train"
    assert splits["other/d.mid"] in sources.SPLITS


def splits_of(*sources):
    return {file.name: file.split for file in find_all([str(source) for source in sources])}


def test_the_innermost_folder_decides_and_the_collections_own_name_does_not(tmp_path):
    root = tmp_path / "Test"
    midi_file(root / "a.mid", music(1))
    midi_file(root / "train" / "2004" / "b.mid", music(2))
    midi_file(root / "train" / "validation" / "c.mid", music(3))
    told = {"a.mid": None, "train/2004/b.mid": "train", "train/validation/c.mid": "validation"}
    assert splits_of(root) == told
    assert splits_of(zipped(root, tmp_path / "test.zip")) == told
    prepare([str(root)], tmp_path / "out", jobs=1)
    assert Prepared(tmp_path / "out").report["splits"]["test"]["files"] == 0


def test_names_of_collections_that_tell_splits_apart_are_what_is_meant(tmp_path):
    for name in ("train", "validation", "more"):
        midi_file(tmp_path / name / f"{name}.mid", music(1))
    midi_file(tmp_path / "train" / "test" / "t.mid", music(2))
    both = {"train.mid": "train", "test/t.mid": "test", "validation.mid": "validation"}
    assert splits_of(tmp_path / "train", tmp_path / "validation") == both
    archive = zipped(tmp_path / "validation", tmp_path / "valid.zip")
    assert splits_of(tmp_path / "train", archive, tmp_path / "more") == {**both, "more.mid": None}
    assert splits_of(tmp_path / "train", tmp_path / "more")["train.mid"] is None


def test_what_is_kept_for_validation_is_in_training_under_no_other_name(tmp_path):
    for folder in ("a", "b"):
        for seed in range(6):
            midi_file(tmp_path / "in" / folder / f"{seed}.mid", music(seed, 200))
    prepare([str(tmp_path / "in")], tmp_path / "out", jobs=1)
    pieces = json.loads((tmp_path / "out" / "data.json").read_text())["pieces"]
    splits = {}
    for piece in pieces:
        splits.setdefault(piece["name"].rpartition("/")[2], set()).add(piece["split"])
    assert {"validation"} in splits.values() and all(len(found) == 1 for found in splits.values()), splits


def test_a_hash_gives_a_file_the_same_split_in_any_collection(tmp_path):
    for n in range(40):
        midi_file(tmp_path / "one" / f"{n}.mid", music(n, 130))
        midi_file(tmp_path / "two" / "elsewhere" / f"x{n}.mid", music(n, 130))
    prepare([str(tmp_path / "one")], tmp_path / "a", jobs=1)
    prepare([str(tmp_path / "two")], tmp_path / "b", jobs=1)
    one = {name: p["split"] for name, p in pieces_of(tmp_path / "a").items()}
    two = {name.removeprefix("elsewhere/x"): p["split"] for name, p in pieces_of(tmp_path / "b").items()}
    assert one == two
    assert {"train", "validation"} <= set(one.values())
    assert list(one.values()).count("train") > 20


def test_a_few_files_without_splits_still_leave_one_to_be_scored_on(tmp_path):
    for n in range(3):
        midi_file(tmp_path / "in" / f"{n}.mid", music(n))
    report = prepare([str(tmp_path / "in")], tmp_path / "out", jobs=1)
    assert report["splits"]["validation"]["windows"] > 0
    assert report["splits"]["train"]["files"] > 0


@pytest.mark.parametrize("what", ["missing", "no midi", "all broken", "not a zip"])
def test_nothing_to_read_is_an_error_and_leaves_nothing(tmp_path, what):
    source = tmp_path / "in"
    if what != "missing":
        source.mkdir()
        (source / "x.txt").write_text("x")
    if what == "all broken":
        (source / "x.mid").write_bytes(b"junk")
    if what == "not a zip":
        source = source / "x.txt"
    with pytest.raises(UserError, match=str(source.name)):
        prepare([str(source)], tmp_path / "out", jobs=1)
    assert not (tmp_path / "out").exists()
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".")]


def test_an_output_in_use_is_left_alone(collection, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("x")
    for force in (False, True):
        with pytest.raises(UserError, match="not a data folder"):
            prepare([str(collection)], tmp_path / "mine", jobs=1, force=force)
    assert (tmp_path / "mine" / "thesis.txt").exists()
    prepare([str(collection)], tmp_path / "data", jobs=1)
    with pytest.raises(UserError, match="--force"):
        prepare([str(collection)], tmp_path / "data", jobs=1)
    prepare([str(collection / "train")], tmp_path / "data", jobs=1, force=True)
    assert len(pieces_of(tmp_path / "data")) == 4
