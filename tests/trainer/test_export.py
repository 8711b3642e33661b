"""Model folders: that they are of format 1, do what the run does, and are whole or not there."""

import hashlib
import importlib.metadata
import json
import os

import numpy as np
import onnx
import pytest
import torch
from pianogenie_train import export as exporting
from pianogenie_train import graphs, players, runs, scores
from pianogenie_train.config import Config
from pianogenie_train.data import Prepared
from pianogenie_train.model import Autoencoder

from pianogenie.errors import UserError
from pianogenie.model import load_model

from .test_model import played

NOBODY = exporting.Provenance("x", "x", "x")


@pytest.fixture(scope="module")
def both(small_run, small_model):
    return players.TorchPlayer(runs.load_trained(small_run).model), players.FolderPlayer(load_model(small_model))


def test_both_graphs_do_what_torch_does(both):
    torch_player, folder_player = both
    keys, delta_times, buttons = played(7, 90, 8)
    difference = np.abs(
        torch_player.hear(keys, delta_times, buttons)[0] - folder_player.hear(keys, delta_times, buttons)[0]
    )
    assert difference.max() <= 1e-4
    assert (torch_player.encode(keys, delta_times) == folder_player.encode(keys, delta_times)).mean() > 0.99
    for batch, notes in ((1, 1), (1, 200), (33, 2)):
        assert folder_player.encode(*played(batch, notes, 8)[:2]).shape == (batch, notes)


def eight(array: np.ndarray) -> np.ndarray:
    return array if len(array) == 8 else np.repeat(array, 8, axis=0)


@pytest.fixture(scope="module", params=[0, 2], ids=["no memory", "memory"])
def our_own(request, tmp_path_factory):
    """Our own network, from torch and from its graphs."""
    torch.manual_seed(0)
    model = Autoencoder(Config(network="gated", rnn_dim=16, memories=request.param)).eval()
    folder = tmp_path_factory.mktemp("our-own")
    for name, graph in (("decoder", graphs.decoder_graph(model)), ("encoder", graphs.encoder_graph(model))):
        assert {node.domain for node in graph.graph.node} <= {"", "ai.onnx"}
        assert {opset.domain for opset in graph.opset_import} == {""}
        onnx.save(graph, folder / f"{name}.onnx")
    hashes = [hashlib.sha256((folder / f"{name}.onnx").read_bytes()).hexdigest() for name in ("decoder", "encoder")]
    card = {"format": "pianogenie-model/1", "name": "x", "num_buttons": 8, "sha256": hashes}
    (folder / "model.json").write_text(json.dumps(card))
    return players.TorchPlayer(model), players.FolderPlayer(load_model(folder))


def test_graphs_of_our_own_network_do_what_torch_does(our_own):
    """Its recurrence is a loop of any length in ONNX, as are its fast weights, and its decoder expects velocities."""
    ours, theirs = our_own
    window = played(5, 80, 8)
    (logits, velocities), (their_logits, their_velocities) = ours.hear(*window), theirs.hear(*window)
    assert np.abs(logits - their_logits).max() <= 1e-4
    assert np.abs(velocities - their_velocities).max() <= 1e-2
    assert their_velocities.min() >= 1 and their_velocities.max() <= 127
    assert theirs.model.decoder.single_rows
    shared = [np.array([40]), np.array([0.3], np.float32), np.arange(8), theirs.start(1) + 0.5]
    one_row, rows = (theirs.model.decoder.step(*inputs) for inputs in (shared, map(eight, shared)))
    assert all(np.allclose(found, wanted, atol=1e-4) for found, wanted in zip(one_row, rows, strict=True))
    for batch, notes in ((1, 1), (4, 3), (2, 300)):
        keys, delta_times, _ = played(batch, notes, 8) if notes > 5 else (a[:, :notes] for a in played(batch, 20, 8))
        assert (ours.encode(keys, delta_times) == theirs.encode(keys, delta_times)).mean() > 0.99


def test_time_that_runs_backwards_counts_as_none(our_own, both):
    for player in (*our_own, *both):
        keys, delta_times, buttons = played(3, 20, 8)
        backwards = np.where(delta_times < 0.1, -delta_times, delta_times)
        stood_still = np.maximum(backwards, 0)
        assert (backwards < 0).any()
        logits = player.hear(keys, backwards, buttons)[0]
        assert np.isfinite(logits).all() and np.array_equal(logits, player.hear(keys, stood_still, buttons)[0])
        assert np.array_equal(player.encode(keys, backwards), player.encode(keys, stood_still))


def test_rows_of_a_batch_know_nothing_of_each_other(both):
    _, player = both
    window = played(6, 30, 8)
    alone = [a[2:3] for a in window]
    assert np.allclose(player.hear(*window)[0][2], player.hear(*alone)[0][0], atol=1e-5)
    assert (player.encode(*window[:2])[2] == player.encode(*alone[:2])[0]).mean() > 0.9


def test_the_folder_is_of_format_1(small_model):
    card = json.loads((small_model / "model.json").read_text())
    assert card["format"] == "pianogenie-model/1" and card["name"] == "small" and card["num_buttons"] == 8
    assert card["state_size"] == 64 and card["licence"] == "CC0-1.0" and card["data"]["name"] == "made-up music"
    assert card["recipe"]["seed"] == 0 and card["recipe"]["commands"][-1] == "pianogenie train export"
    assert {"ppl", "cvr", "gold", "hand_ppl", "free_cvr"} <= set(card["scores"])
    for name in ("decoder.onnx", "encoder.onnx"):
        assert card["sha256"][name] == hashlib.sha256((small_model / name).read_bytes()).hexdigest()
        graph = onnx.load(small_model / name)
        assert {p.key: p.value for p in graph.metadata_props} == {"format": "pianogenie-model/1", "num_buttons": "8"}
        assert {node.domain for node in graph.graph.node} <= {"", "ai.onnx"}
        assert graph.opset_import[0].version <= 18 and graph.ir_version <= 8
        assert b".py" not in graph.SerializeToString(), "where it was made is nobody's business"
        assert all(value.type.tensor_type.shape.dim[0].dim_param for value in graph.graph.input)
    assert card["recipe"]["version"] == importlib.metadata.version("pianogenie")
    text = (small_model / "README.md").read_text()
    assert f"by Pianogenie {card['recipe']['version']} and torch {torch.__version__}." in text
    assert "- It has heard little." in text
    assert "CC0-1.0" in text and "made-up music" in text and "pianogenie train fit" in text
    assert (os.stat(small_model).st_mode & 0o777) == 0o755


def test_a_run_and_its_export_have_the_same_scores(both, data):
    ours, theirs = (scores.evaluate(player, Prepared(data)) for player in both)
    for name in ("ppl", "hand_ppl", "gold"):
        assert getattr(ours, name) == pytest.approx(getattr(theirs, name), rel=1e-3), name
    assert ours.cvr == pytest.approx(theirs.cvr, abs=0.01)
    assert ours.free_cvr == pytest.approx(theirs.free_cvr, abs=0.02)


def test_a_place_in_use_is_left_alone(small_run, small_model, tmp_path):
    with pytest.raises(UserError, match="--force"):
        exporting.export(small_run, small_model, NOBODY)
    (tmp_path / "thesis.txt").write_text("x")
    with pytest.raises(UserError, match="not a model folder"):
        exporting.export(small_run, tmp_path, NOBODY, force=True)
    assert (tmp_path / "thesis.txt").exists()


def test_what_does_not_match_is_not_exported(small_run, small_model, tmp_path, monkeypatch):
    real = onnx.load(small_model / "decoder.onnx"), onnx.load(small_model / "encoder.onnx")
    for tensor in real[0].graph.initializer:
        if list(tensor.dims) == [88]:
            tensor.raw_data = (np.frombuffer(tensor.raw_data, np.float32) + np.float32(3e-4)).tobytes()
    monkeypatch.setattr(exporting.graphs, "decoder_graph", lambda model: real[0])
    monkeypatch.setattr(exporting.graphs, "encoder_graph", lambda model: real[1])
    with pytest.raises(UserError, match=r"decoder\.onnx: its logits differ"):
        exporting.export(small_run, tmp_path / "out", NOBODY)
    assert list(tmp_path.iterdir()) == []
