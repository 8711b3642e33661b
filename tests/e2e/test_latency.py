"""`pianogenie bench latency`: real sessions are measured, nothing is lost, and what cannot be measured says why."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from PIL import Image

from tests.e2e.programs import PIANOGENIE, need, quiet_environment

INPUTS = {"keyboard", "gamepad", "midi_in"}
PARTS = {"event_to_midi_ms", "key_to_jack_ms", "event_to_audio_ms", "start_to_playable_s", "rss_mib", "machine"}
FIGURES = {"count", "p50", "p99", "p999", "max"}
PRESSES = 100


def measure(folder: Path, path: str) -> dict:
    """Its report, measured with the programs on `path`; what is printed is what is written."""
    options = ["--presses", str(PRESSES), "--starts", "1", "--json", "--out", str(folder / "out")]
    environment = quiet_environment(folder, PATH=path)
    ran = subprocess.run(
        [*PIANOGENIE, "bench", "latency", *options], env=environment, capture_output=True, text=True, timeout=280
    )
    assert ran.returncode == 0, ran.stderr
    report = json.loads(ran.stdout)
    assert report == json.loads((folder / "out" / "latency.json").read_text())
    assert report.keys() >= PARTS and report["event_to_midi_ms"].keys() >= INPUTS
    assert Image.open(folder / "out" / "latency.png").size[0] > 800
    return report


def check(row: dict, count: int = PRESSES) -> None:
    assert row.keys() >= FIGURES
    assert row["count"] == count and row["lost"] == row.get("reordered", 0) == 0, row
    assert 0 < row["p50"] <= row["p99"] <= row["p999"] <= row["max"]


def test_all_presses_are_heard(tmp_path):
    need("Xvfb", "jackd")
    report = measure(tmp_path, os.environ["PATH"])
    assert not [name for name in report if name.endswith("_reason")], report
    for name in INPUTS:
        check(report["event_to_midi_ms"][name])
    check(report["key_to_jack_ms"])
    check(report["event_to_audio_ms"], report["event_to_audio_ms"]["count"])
    assert report["event_to_midi_ms"]["keyboard"]["p50"] < report["key_to_jack_ms"]["p50"]
    assert report["start_to_playable_s"] > 0 and 50 < report["rss_mib"] < 1000
    assert report["rss"]["processes"] >= 2


@pytest.mark.soak
def test_without_jack_there_are_keyboard_and_gamepad(tmp_path):
    need("Xvfb")
    programs = tmp_path / "bin"
    programs.mkdir()
    for program in ("Xvfb", "sh", "xkbcomp"):
        (programs / program).symlink_to(shutil.which(program))
    report = measure(tmp_path, str(programs))
    check(report["event_to_midi_ms"]["keyboard"])
    check(report["event_to_midi_ms"]["gamepad"])
    for place, name in ((report, "key_to_jack_ms"), (report["event_to_midi_ms"], "midi_in")):
        assert place[name] is None and "jackd" in place[f"{name}_reason"]
    assert report["start_to_playable_s"] > 0 and report["rss_mib"] > 50


def test_without_programs_each_part_says_why(tmp_path):
    report = measure(tmp_path, str(tmp_path))
    for place, names in ((report["event_to_midi_ms"], INPUTS), (report, PARTS - {"event_to_midi_ms", "machine"})):
        for name in names:
            assert place[name] is None and "Xvfb" in place[f"{name}_reason"]
    assert report["machine"]["cores"] >= 1
