"""The models that ship: that their graphs are their weights, and that they are as good as they are meant to be."""

import json

import pytest
import torch
from pianogenie_train import export, parents
from pianogenie_train.model import Autoencoder
from pianogenie_train.players import FolderPlayer

from pianogenie.errors import UserError
from pianogenie.model import load_model, shipped_models

MARKS = {
    "classical": {"ppl": 2.9, "cvr": 0.001, "gold": 1.0, "hand_ppl": 5, "free_cvr": 0.005},
    "pop": {"ppl": 2.6, "cvr": 0.001, "hand_ppl": 5, "free_cvr": 0.005},
}
"""The most that each may score."""


def test_every_model_that_ships_has_marks():
    assert {folder.name for folder in shipped_models()} == set(MARKS)


@pytest.mark.parametrize("name", MARKS)
def test_graphs_are_made_of_the_weights_beside_them(name):
    folder = load_model(name)
    parent = parents.find_parent(str(folder.folder))
    model = Autoencoder(parent.config).eval()
    model.load_state_dict(parent.weights)
    export.compare(model, FolderPlayer(folder), batch=8, notes=64)  # raises if they differ
    with torch.no_grad():
        model.decoder.known.weight *= 1.01
    with pytest.raises(UserError, match="decoder.onnx: its logits differ"):
        export.compare(model, FolderPlayer(folder), batch=8, notes=64)


@pytest.mark.parametrize("name", MARKS)
def test_scores_are_within_the_marks(name):
    scores = json.loads((load_model(name).folder / "model.json").read_text())["scores"]
    assert {score: scores[score] for score, most in MARKS[name].items() if not scores[score] <= most} == {}
    assert scores["windows"] > 500, "of all of validation"
