"""From a folder of MIDI files to an instrument that plays: prepare, fit, eval, export, play, in a row."""

import json
import random
import signal
import subprocess
import time

import mido
import pytest

from tests.e2e.programs import PIANOGENIE, quiet_environment, running, stop, wait_for, xdotool, xvfb
from tests.e2e.test_play import find_window
from tests.e2e.test_terminal import notes


def write_tune(path, seed):
    """A minute of wandering up and down a scale, with chords here and there."""
    draw = random.Random(seed)
    scale = [p for p in range(36, 97) if p % 12 in (0, 2, 4, 5, 7, 9, 11)]
    track, place, wait = mido.MidiTrack(), len(scale) // 2, 0
    for _ in range(300):
        place = min(len(scale) - 3, max(0, place + draw.choice((-2, -1, -1, 0, 1, 1, 2))))
        chord = [scale[place], scale[place + 2]] if draw.random() < 0.2 else [scale[place]]
        for pitch in chord:
            track.append(mido.Message("note_on", note=pitch, velocity=draw.randint(40, 100), time=wait))
            wait = 0
        wait = draw.choice((120, 240, 240, 480))
        for pitch in chord:
            track.append(mido.Message("note_off", note=pitch, velocity=64, time=wait))
            wait = 0
    path.parent.mkdir(parents=True, exist_ok=True)
    mido.MidiFile(tracks=[track]).save(path)


@pytest.fixture
def run(tmp_path):
    def call(*words):
        result = subprocess.run(
            [*PIANOGENIE, *map(str, words)],
            cwd=tmp_path,
            env=quiet_environment(tmp_path),
            capture_output=True,
            text=True,
            timeout=240,
        )
        assert result.returncode == 0, result.stderr
        return result.stdout

    return call


def test_a_collection_becomes_an_instrument(run, tmp_path):
    for i in range(8):
        write_tune(tmp_path / "midi" / ("validation" if i > 5 else "train") / f"{i}.mid", seed=i)
    (tmp_path / "midi" / "train" / "broken.mid").write_bytes(b"MThd, but no more")

    assert "broken.mid" in run("train", "prepare", "midi", "--out", "data")
    settings = ["--set", "rnn_dim=16", "--set", "batch_size=8", "--set", "validate_every=10"]
    run("train", "fit", "data", "--out", "run", "--config", "paper", "--steps", "20", "--threads", "1", *settings)
    scores = json.loads(run("train", "eval", "run", "data", "--json"))
    assert 1 < scores["ppl"] < 200 and 0 <= scores["cvr"] <= 1
    run("train", "export", "run", "--out", "models/mine")
    again = json.loads((tmp_path / "models/mine/model.json").read_text())["scores"]  # of the graphs, by export
    assert again["ppl"] == pytest.approx(scores["ppl"], rel=1e-3)

    environment = {"SDL_AUDIODRIVER": "dummy"}
    with xvfb() as display:
        command = [*PIANOGENIE, "play", "--model", str(tmp_path / "models/mine"), "--record", str(tmp_path / "music")]
        with running(command, env=quiet_environment(tmp_path, DISPLAY=display, **environment)) as player:
            found = wait_for(lambda: find_window(display, player), "the window")
            xdotool(display, "windowfocus", "--sync", found)
            time.sleep(0.5)
            for key in "13578":
                xdotool(display, "key", key)
                time.sleep(0.1)
            stop(player, signal.SIGTERM)
            assert player.returncode == 0
    assert len(notes(tmp_path / "music")) == 5
