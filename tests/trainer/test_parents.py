"""Going on from a model: what is handed down, and what is refused."""

import json
import shutil

import pytest
import torch
from click.testing import CliRunner
from pianogenie_train import loop, parents, runs
from pianogenie_train.cli import train
from pianogenie_train.config import named
from pianogenie_train.data import Prepared
from pianogenie_train.model import Autoencoder

from pianogenie.errors import UserError


def same(ours, theirs, tolerance=0.0):
    return ours.keys() == theirs.keys() and all(
        torch.allclose(ours[name], theirs[name], rtol=0, atol=tolerance) for name in ours
    )


def test_a_folder_and_its_run_hand_down_the_same_weights(small_run, small_model):
    of_folder, of_run = parents.find_parent(str(small_model)), parents.find_parent(str(small_run))
    assert same(of_folder.weights, dict(runs.load_trained(small_run).model.state_dict()))
    assert same(of_folder.weights, of_run.weights)
    assert of_folder.config == of_run.config == runs.open_run(small_run).config
    assert of_folder.licence == "CC0-1.0" and of_folder.name == "small"


def test_a_child_begins_where_its_parent_is_and_learns_gently(data, small_model, tmp_path):
    parent = parents.find_parent(str(small_model))
    config = parent.settings({"steps": 1})
    assert 0 < config.lr < parent.config.lr and config.warmup_steps > 0
    assert parent.settings({"lr": "0.5"}).lr == 0.5
    run = loop.new_run(tmp_path / "run", config.but(lr=1e-9), "paper", Prepared(data), "", parent.facts())
    loop.fit(run, device="cpu", start=parent.weights)
    assert same(dict(runs.load_trained(tmp_path / "run").model.state_dict()), parent.weights, 1e-6)
    # A grandchild's rate is not lowered once more.
    child = parents.find_parent(str(tmp_path / "run"))
    assert child.settings({}).lr == child.config.lr and child.licence == "CC0-1.0"


def test_a_child_has_as_many_buttons_as_its_parent(small_model):
    with pytest.raises(UserError, match="its num_buttons is 8, not 5"):
        parents.find_parent(str(small_model)).settings({"num_buttons": "5"})


def test_a_card_from_before_a_setting_existed_is_gone_on_from(small_model, tmp_path):
    folder = shutil.copytree(small_model, tmp_path / "model")
    _edit(folder, lambda card: [card["recipe"]["settings"].pop(name) for name in ("memories", "dropout", "optimiser")])
    assert parents.find_parent(str(folder)).config == parents.find_parent(str(small_model)).config


@pytest.mark.parametrize("name", ["classical", "pop"])
def test_the_models_that_ship_can_be_gone_on_from(name):
    parent = parents.find_parent(name)
    assert parent.settings({}).lr < 0.4 * named("genie").lr, "gently, whatever the rate of its own last training"
    assert parent.name == name and parent.licence != "not stated" and parent.commands
    Autoencoder(parent.settings({})).load_state_dict(parent.weights)


def test_a_child_says_whose_it_is(data, small_model, tmp_path):
    out, model = tmp_path / "run", tmp_path / "model"
    words = ["fit", str(data), "--out", str(out), "--from", str(small_model), "--steps", "1", "--device", "cpu"]
    assert CliRunner().invoke(train, words, catch_exceptions=False).exit_code == 0
    words = ["export", str(out), "--out", str(model), "--no-scores"]
    assert CliRunner().invoke(train, words, catch_exceptions=False).exit_code == 0
    card = json.loads((model / "model.json").read_text())
    assert card["parent"]["name"] == "small" and card["parent"]["data"]["name"] == "made-up music"
    assert card["licence"] == "CC0-1.0", "its parent's, unless told otherwise"
    assert "Fine-tuned from `small`" in (model / "README.md").read_text()
    assert "--from" in card["recipe"]["commands"][0]
    whole_recipe = (model / "README.md").read_text().partition("## Recipe")[2]
    lines = [
        "# small, which it was fine-tuned from",
        "pianogenie train export",
        "# model",
        card["recipe"]["commands"][0],
    ]
    places = [whole_recipe.index(f"\n{line}\n") for line in lines]
    assert places == sorted(places), "how to make its parent, then itself"


def test_a_run_goes_on_from_what_it_began_from_and_no_other(data, small_run, small_model, tmp_path):
    def fit(out, *more):
        words = ["fit", str(data), "--out", str(out), "--device", "cpu", *more]
        return CliRunner().invoke(train, words, catch_exceptions=False)

    run, child = shutil.copytree(small_run, tmp_path / "run"), tmp_path / "child"
    before = (run / "config.json").read_bytes()
    with pytest.raises(UserError, match="run: was begun without --from; go on so, or start a new run"):
        fit(run, "--steps", "7", "--resume", "--from", str(small_model))
    assert (run / "config.json").read_bytes() == before
    assert fit(child, "--steps", "1", "--from", str(small_model)).exit_code == 0
    with pytest.raises(UserError, match="child: was begun with --from small; go on so"):
        fit(child, "--steps", "2", "--resume", "--from", "classical")
    assert fit(child, "--steps", "2", "--resume", "--from", str(small_model)).exit_code == 0


def test_another_network_is_no_child(small_model):
    with pytest.raises(UserError, match="small: its rnn_dim is 16, not 32;.*train from nothing"):
        parents.find_parent(str(small_model)).settings({"rnn_dim": "32"})
    with pytest.raises(UserError, match="leave out --config"):
        words = ["fit", "x", "--out", "y", "--from", "classical", "--config", "paper"]
        CliRunner().invoke(train, words, catch_exceptions=False)


def _edit(folder, change):
    card = json.loads((folder / "model.json").read_text())
    change(card)
    (folder / "model.json").write_text(json.dumps(card))


def _of_millions(card):
    card["recipe"]["settings"] |= {"rnn_dim": 10**6, "rnn_layers": 10**6}


FAULTS = {
    "no weights": (lambda f: (f / parents.WEIGHTS).unlink(), "holds no weights to go on from"),
    "no settings": (lambda f: _edit(f, lambda card: card.pop("recipe")), "holds no weights to go on from"),
    "cut in half": (
        lambda f: (f / parents.WEIGHTS).write_bytes((f / parents.WEIGHTS).read_bytes()[:500]),
        "does not match its checksum",
    ),
    "other settings": (
        lambda f: _edit(f, lambda card: card["recipe"]["settings"].update(rnn_layers=3)),
        "do not fit the settings",
    ),
    "settings that would fill the memory": (lambda f: _edit(f, _of_millions), "rnn_dim must be at most"),
    "an unknown setting": (
        lambda f: _edit(f, lambda card: card["recipe"]["settings"].update(colour="red")),
        "unknown setting 'colour'",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_folder_that_cannot_be_gone_on_from_is_one_line(small_model, tmp_path, fault):
    folder = shutil.copytree(small_model, tmp_path / "model")
    break_it, said = FAULTS[fault]
    break_it(folder)
    with pytest.raises(UserError, match=said) as error:
        parents.find_parent(str(folder))
    assert str(folder) in str(error.value) and "\n" not in str(error.value)
