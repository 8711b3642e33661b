"""Importing public checkpoints: the same numbers as their authors' programs, in a folder that plays."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import mido
import numpy as np
import onnx
import pytest
from click.testing import CliRunner
from pianogenie_train.importing.folder import import_model

from pianogenie.cli import cli
from pianogenie.errors import UserError
from pianogenie.keys import FIRST_DELTA_TIME_S, NO_KEY
from pianogenie.model import load_model

from . import peers
from .test_importing_refused import fails

SHARED = Path(__file__).parents[3] / "shared" / "peers"
STEPS = 60


def performance(num_buttons: int, seed: int = 1):
    """prev_keys, delta_times, buttons of one row, with the ends of every range in it."""
    rng = np.random.default_rng(seed)
    keys = rng.integers(0, 88, STEPS)
    keys[:3] = NO_KEY, 0, 87
    times = rng.exponential(0.4, STEPS).astype(np.float32)
    # Halves of bins, which round to even, and times on both sides of what is clipped.
    times[:9] = FIRST_DELTA_TIME_S, 0.0, 0.016, 0.048, 1.007, 1.024, 1.04, 30.0, 1.5
    buttons = rng.integers(0, num_buttons, STEPS)
    buttons[:2] = 0, num_buttons - 1
    return keys, times, buttons


def logits(decoder, keys, times, buttons):
    state, rows = decoder.zero_state(), []
    for n in range(len(keys)):
        row, state, _ = decoder.step(keys[n : n + 1], times[n : n + 1], buttons[n : n + 1], state)
        rows.append(row[0])
    return np.array(rows)


@pytest.fixture(scope="module")
def magenta(tmp_path_factory):
    return peers.write_magenta(tmp_path_factory.mktemp("peers") / "magenta", peers.magenta_weights())


@pytest.fixture(scope="module")
def tutorial(tmp_path_factory):
    return peers.write_tutorial(tmp_path_factory.mktemp("peers") / "tutorial", peers.tutorial_weights())


def test_magenta_answers_as_magenta_does(magenta, tmp_path):
    card = import_model(magenta, tmp_path / "m")
    model = load_model(tmp_path / "m")
    assert model.encoder is None and model.num_buttons == 8 and model.decoder.state_size == 4 * peers.DIM
    played = performance(8)
    assert np.abs(logits(model.decoder, *played) - peers.magenta_logits(peers.magenta_weights(), *played)).max() < 1e-4
    assert card["licence"] == "Apache-2.0" and card["encoder"] is False
    text = (tmp_path / "m" / "README.md").read_text()
    assert "no encoder" in text and "Apache-2.0" in text and "does not say" in text
    assert (tmp_path / "m" / "LICENSE").read_bytes() == (magenta / "LICENSE").read_bytes()


def test_the_pytorch_one_answers_as_pytorch_does(tutorial, tmp_path):
    card = import_model(tutorial / "model.pt", tmp_path / "t", name="Tutorial")
    model = load_model(tmp_path / "t")
    assert model.name == "Tutorial" and model.num_buttons == 6
    keys, times, buttons = performance(6)
    expected = peers.tutorial_logits(peers.tutorial_weights(), keys, times, buttons)
    assert np.abs(logits(model.decoder, keys, times, buttons) - expected).max() < 1e-4
    keys = np.minimum(keys, 87)
    places = peers.tutorial_places(peers.tutorial_weights(), keys, times)
    found = model.encoder.encode(np.stack([keys, keys[::-1]]), np.stack([times, times]))
    assert found.dtype == np.int64 and found.shape == (2, STEPS)
    assert np.abs(found[0] - places).max() <= 0.5 + 1e-4
    assert len(set(found[0])) > 2, "nothing to be seen"
    assert card["licence"] == "CC BY-NC-SA 4.0"
    assert card["recipe"]["seed"] == 3 and card["recipe"]["settings"]["lr"] == 0.0003


@pytest.mark.parametrize("which", ["magenta", "tutorial"])
def test_the_folder_is_of_format_1_and_plays(which, tmp_path, request):
    source, out = request.getfixturevalue(which), tmp_path / "out"
    done = CliRunner().invoke(cli, ["models", "import", str(source), "--out", str(out)], catch_exceptions=False)
    assert done.exit_code == 0 and "pianogenie play --model" in done.output
    assert ("no encoder" in done.output) == (which == "magenta")
    card = json.loads((out / "model.json").read_text())
    assert card["format"] == "pianogenie-model/1" and card["name"] == "out" and card["scores"] is None
    graphs = {path.name for path in out.glob("*.onnx")}
    assert set(card["sha256"]) == graphs
    for name in graphs:
        assert card["sha256"][name] == hashlib.sha256((out / name).read_bytes()).hexdigest()
        graph = onnx.load(out / name)
        properties = {p.key: p.value for p in graph.metadata_props}
        assert properties == {"format": "pianogenie-model/1", "num_buttons": str(card["num_buttons"])}
        assert {node.domain for node in graph.graph.node} <= {"", "ai.onnx"}
    assert str(tmp_path) not in (out / "model.json").read_text() + (out / "README.md").read_text()
    assert max(map(len, (out / "README.md").read_text().splitlines())) <= 120
    assert (os.stat(out).st_mode & 0o777) == 0o755
    words = ["demo", "--seconds", "5", "--model", str(out), "--out", str(tmp_path / "x.mid")]
    assert CliRunner().invoke(cli, words, catch_exceptions=False).exit_code == 0
    assert any(message.type == "note_on" for message in mido.MidiFile(tmp_path / "x.mid"))


def test_an_example_is_held_against_the_weights(tmp_path):
    weights = peers.tutorial_weights()
    source = peers.write_tutorial(tmp_path / "src", weights)
    keys, times, buttons = performance(6)
    expected = peers.tutorial_logits(weights, keys, times, buttons)
    example = {
        "input_keys": keys.tolist(),
        "input_dts": times.tolist(),
        "input_buttons": buttons.tolist(),
        "output_logits": expected.tolist(),
    }
    (source / "test.json").write_text(json.dumps(example))
    card = import_model(source, tmp_path / "out")
    assert card["example"]["steps"] == STEPS and card["example"]["difference"] < 1e-4
    example["output_logits"][7][3] += 2e-4
    (source / "test.json").write_text(json.dumps(example))
    fails(source, tmp_path / "no", "differ from those in test.json")
    (source / "test.json").write_text(json.dumps(example | {"input_buttons": [9] * STEPS}))
    fails(source, tmp_path / "no", "test.json: not inputs")


def test_a_place_in_use_is_left_alone(magenta, tmp_path):
    out = tmp_path / "out"
    import_model(magenta, out)
    fails(magenta, out, "--force")
    assert import_model(magenta, out, name="again", force=True)["name"] == "again"
    (tmp_path / "diary").mkdir()
    (tmp_path / "diary" / "monday.txt").write_text("x")
    fails(magenta, tmp_path / "diary", "not a model folder", force=True)
    inside = peers.write_magenta(out / "src", peers.magenta_weights())
    fails(inside, out, "would lose", force=True)


def test_what_is_not_installed_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "onnx" else name)
    with pytest.raises(UserError, match=r"importing a model needs onnx.*pip install '\.\[train\]'"):
        CliRunner().invoke(cli, ["models", "import", "x", "--out", str(tmp_path / "y")], catch_exceptions=False)


def test_models_still_lists_and_a_missing_licence_is_said(magenta, tmp_path):
    done = CliRunner().invoke(cli, ["models", "--json"], catch_exceptions=False)
    assert done.exit_code == 0 and isinstance(json.loads(done.stdout), list)
    source = peers.write_magenta(tmp_path / "src", peers.magenta_weights())
    (source / "LICENSE").unlink()
    assert import_model(source, tmp_path / "out")["licence"].startswith("unknown")
    assert not (tmp_path / "out" / "LICENSE").exists()


@pytest.mark.skipif(not SHARED.is_dir(), reason="the public checkpoints are not at hand")
def test_the_public_checkpoints(tmp_path, monkeypatch):
    card = import_model(SHARED / "pytorch-tutorial", tmp_path / "pt")
    assert card["example"]["steps"] == 128 and card["example"]["difference"] < 1e-4
    assert card["licence"] == "CC BY-NC-SA 4.0" and card["state_size"] == 512
    example = json.loads((SHARED / "pytorch-tutorial" / "test.json").read_text())
    keys = np.array([*example["input_keys"][1:], 60])  # the last key is not told
    buttons = load_model(tmp_path / "pt").encoder.encode(keys[None], np.array([example["input_dts"]], np.float32))
    assert (buttons[0] == example["input_buttons"]).mean() > 0.95

    card = import_model(SHARED / "magenta-original", tmp_path / "m")
    assert card["licence"] == "Apache-2.0" and card["state_size"] == 512
    weights, start = {}, 0
    data = np.fromfile(SHARED / "magenta-original" / "group1-shard1of1", "<f4")
    manifest = json.loads((SHARED / "magenta-original" / "weights_manifest.json").read_text())
    for entry in manifest[0]["weights"]:
        size = int(np.prod(entry["shape"]))
        weights[entry["name"]] = data[start : start + size].reshape(entry["shape"])
        start += size
    monkeypatch.setattr(peers, "DIM", 128)
    played = performance(8)
    expected = peers.magenta_logits(weights, *played)
    assert np.abs(logits(load_model(tmp_path / "m").decoder, *played) - expected).max() < 1e-4


def test_magenta_is_imported_without_torch(magenta, tmp_path):
    program = (
        "import sys\n"
        "for name in ('torch', 'lightning', 'symusic', 'onnxscript', 'tensorboard'): sys.modules[name] = None\n"
        "from pianogenie.cli import main; main()"
    )
    words = ["models", "import", str(magenta), "--out", str(tmp_path / "m")]
    done = subprocess.run([sys.executable, "-c", program, *words], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert load_model(tmp_path / "m").num_buttons == 8


def test_the_pytorch_checkpoint_without_torch_names_what_is_missing(tutorial, tmp_path):
    program = "import sys; sys.modules['torch'] = None; from pianogenie.cli import main; main()"
    words = ["models", "import", str(tutorial), "--out", str(tmp_path / "m")]
    done = subprocess.run([sys.executable, "-c", program, *words], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "needs torch" in done.stderr and len(done.stderr.splitlines()) == 1
