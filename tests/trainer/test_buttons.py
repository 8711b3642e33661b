"""Other numbers of buttons, all the way from training to play."""

import json

import mido
import pytest

from pianogenie.demo import demo_performance
from pianogenie.events import Press
from pianogenie.model import load_model
from pianogenie.performance import save_performance


def done(start, *words):
    with start(*words) as program:
        pass
    assert program.status == 0, program.said
    return program.said


def notes(path):
    return [m.note for m in mido.MidiFile(path) if m.type == "note_on" and m.velocity]


@pytest.mark.parametrize(
    ("num_buttons", "config"), [pytest.param(4, "genie", marks=pytest.mark.soak), (6, "genie"), (10, "paper")]
)
def test_any_number_of_buttons_from_training_to_play(start, data, tmp_path, num_buttons, config):
    settings = ["rnn_dim=8", "window=32", "batch_size=12", "steps=3"]
    words = [word for setting in settings for word in ("--set", setting)]
    run, folder = tmp_path / "run", tmp_path / "model"
    fit = ["train", "fit", data, "--out", run, "--config", config, "--buttons", num_buttons, *words]
    done(start, *fit, "--device", "cpu", "--threads", "1")
    scored = ["--scores" if num_buttons == 4 else "--no-scores"]
    assert f"{num_buttons} buttons" in done(start, "train", "export", run, "--out", folder, *scored)

    model = load_model(folder)
    assert model.num_buttons == num_buttons
    scores = json.loads((folder / "model.json").read_text())["scores"]
    if num_buttons == 4:  # scoring takes seconds; melodies, hands and patterns are made for that many
        assert all(scores[name] >= 0 for name in ("ppl", "cvr", "gold", "hand_ppl", "free_cvr"))

    performance = demo_performance(4.0, num_buttons=num_buttons)
    presses = [event for event in performance.events if isinstance(event, Press)]
    assert {press.button for press in presses} <= set(range(num_buttons))
    save_performance(performance, tmp_path / "played.json")
    done(start, "render", tmp_path / "played.json", "--model", folder, "--out", tmp_path / "played.mid")
    assert len(notes(tmp_path / "played.mid")) == len(presses)

    done(start, "demo", "--seconds", "4", "--model", folder, "--out", tmp_path / "demo.mid")
    assert notes(tmp_path / "demo.mid")
    with start("render", tmp_path / "played.json", "--out", tmp_path / "other.mid") as program:
        pass  # by the default model, of eight
    assert program.status == 2 and f"{num_buttons} buttons" in program.said
