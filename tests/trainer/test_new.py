"""One command from MIDI files to a model: what it makes, what it refuses, and that it can be stopped."""

import json
import os
import re
import shutil
import signal
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import lightning as L
import pytest
import torch
from click.testing import CliRunner
from pianogenie_train import card, config, loop, retrain, runs
from pianogenie_train.cli import train
from pianogenie_train.data import Prepared
from pianogenie_train.page import making
from pianogenie_train.players import FolderPlayer
from pianogenie_train.scores import evaluate

from pianogenie.cli import cli
from pianogenie.errors import UserError
from pianogenie.model import load_model
from tests.trainer.conftest import midi_file, music

SMALL = ["--device", "cpu", "--jobs", "1"]
TINY = ["--config", "paper", "--set", "rnn_dim=8", "--set", "batch_size=4", "--set", "window=32", *SMALL]


@pytest.fixture(scope="module")
def twenty(tmp_path_factory):
    """Twenty files in a folder, as a person has them: no split."""
    root = tmp_path_factory.mktemp("twenty")
    for seed in range(20):
        midi_file(root / f"{seed}.mid", music(seed, 200))
    return root


@pytest.fixture(autouse=True)
def at_home(tmp_path_factory, monkeypatch):
    """The user's data, in a folder of the module's own."""
    home = tmp_path_factory.getbasetemp() / "home"
    monkeypatch.setattr("pianogenie.paths.platformdirs.user_data_path", lambda *_, **__: home)
    return home


def run(*words, status=0):
    result = CliRunner().invoke(train, ["new", *map(str, words)], catch_exceptions=False)
    assert result.exit_code == status, result.output
    return result.stdout


@pytest.fixture(scope="module")
def child(twenty, small_model, tmp_path_factory):
    """A model fine-tuned from another, in a place of its own: the folder, its work, and what was said."""
    place = tmp_path_factory.mktemp("child")
    words = ["--name", "child", "--from", small_model, "--set", "steps=4", "--set", "validate_every=2"]
    said = run(twenty, *words, "--out", place / "child", "--work", place / "work", *SMALL)
    return place / "child", place / "work", said


def test_a_model_is_made_that_can_be_played_by_its_name(twenty, at_home):
    said = run(twenty, "--name", "my twenty", *TINY, "--set", "steps=3", "--data-licence", "CC0-1.0")
    assert "20 files, 4,000 notes" in said and "are few to start from nothing" in said
    assert "On the same pieces, classical: ppl" in said
    assert "pianogenie play --model 'my twenty'" in said.splitlines()[-1]
    model = load_model("my twenty")
    assert model.folder == at_home / "models" / "my twenty" and model.encoder
    assert model.card["data"]["name"] == twenty.name and model.card["scores"]["ppl"] > 1
    assert len(model.card["recipe"]["commands"]) == 1 and "train new" in model.card["recipe"]["commands"][0]
    assert (model.folder / "report.html").is_file()
    listed = CliRunner().invoke(cli, ["models"]).stdout
    assert "my twenty\n" in listed and "classical" in listed
    with pytest.raises(UserError, match="--force"):
        run(twenty, "--name", "my twenty", *TINY)


def test_a_child_is_made_and_held_against_its_parent(child, small_model, twenty):
    folder, work, said = child
    assert "Training child from small" in said and "On the same pieces, small: ppl" in said
    facts = json.loads((folder / "model.json").read_text())
    assert facts["parent"]["name"] == "small" and facts["licence"] == "CC0-1.0" and facts["name"] == "child"
    parent = evaluate(FolderPlayer(load_model(small_model)), Prepared(work / "data"))
    assert f"small: ppl {parent.ppl:.4f}" in said
    assert {path.name for path in work.iterdir()} == {"data", "run"}


def page_of(folder):
    text = (folder / "report.html").read_text(encoding="utf-8")
    doctype, page = text.split("\n", 1)
    assert doctype == "<!DOCTYPE html>"
    return page, ElementTree.fromstring(page)


def test_the_page_stands_alone(child):
    page, tree = page_of(child[0])
    assert len(page) < 3_000_000
    for element in tree.iter():
        for name in ("src", "href", "data", "srcset", "poster", "action"):
            assert element.get(name, "data:").startswith("data:"), element.attrib
    style = "".join(element.text for element in tree.iter("style"))
    assert not re.search(r"url\(|@import|https?:", style)
    assert "prefers-color-scheme: dark" in style and tree.find("head/meta[@charset='utf-8']") is not None
    assert not list(tree.iter("link")) and "http" not in "".join(e.text or "" for e in tree.iter("script"))


def test_the_page_says_what_was_scored_and_shows_it(child, small_model):
    folder, work, _ = child
    page, tree = page_of(folder)
    ours = json.loads((folder / "model.json").read_text())["scores"]
    theirs = vars(evaluate(FolderPlayer(load_model(small_model)), Prepared(work / "data")))
    rows = {row.get("data-score"): row for row in tree.iter("tr") if row.get("data-score")}
    assert set(rows) == {"ppl", "cvr", "gold", "hand_ppl", "free_cvr"}  # this network knows no velocity
    for name, row in rows.items():
        shown = {cell.get("class").split()[1]: cell.text for cell in row if "number" in cell.get("class", "")}
        assert shown["ours"] == card.shown(ours[name]) and shown["theirs"] == card.shown(theirs[name])
    assert len(list(tree.iter("audio"))) == 3, "the piece, before, after"
    assert [svg.get("class") for svg in tree.iter("svg")].count("roll") == 3
    titles = [title.text for title in tree.iter("title")]
    assert any(re.fullmatch(r"validation, step 4: [\d.]+", title) for title in titles)
    assert "Fine-tuned from small" in " ".join(page.split()) and "pianogenie play --model" in page


def test_the_page_can_be_made_again(child, small_model, tmp_path):
    folder, work, _ = child
    words = ["report", work / "run", folder, "--beside", small_model, "--out", tmp_path / "page.html"]
    result = CliRunner().invoke(train, list(map(str, words)), catch_exceptions=False)
    assert result.exit_code == 0 and (tmp_path / "page.html").stat().st_size > 100_000
    shutil.copytree(folder, tmp_path / "other")
    facts = json.loads((folder / "model.json").read_text())
    facts["scores"]["windows"] += 1
    (tmp_path / "other" / "model.json").write_text(json.dumps(facts))
    with pytest.raises(UserError, match="was not scored on"):
        CliRunner().invoke(train, ["report", str(work / "run"), str(tmp_path / "other")], catch_exceptions=False)
    facts["recipe"]["settings"]["seed"] = 77
    (tmp_path / "other" / "model.json").write_text(json.dumps(facts))
    with pytest.raises(UserError, match="was not exported from"):
        CliRunner().invoke(train, ["report", str(work / "run"), str(tmp_path / "other")], catch_exceptions=False)


def test_a_page_is_held_against_the_very_parent(child, small_model, at_home, tmp_path):
    """Not another model that happens to bear its name."""
    folder, work, _ = child

    def relation(*more):
        words = ["report", work / "run", folder, "--out", tmp_path / "page.html", *more]
        result = CliRunner().invoke(train, list(map(str, words)), catch_exceptions=False)
        text = " ".join((tmp_path / "page.html").read_text(encoding="utf-8").split())
        return re.search(r"(\w+ is [\w ]+), scored", text), result

    found, result = relation()
    assert "small: its parent is not found by that name; --beside takes the folder" in result.stderr
    assert found[1] == "classical is one of those that ship"
    assert relation("--beside", small_model)[0][1] == "small is its parent"
    assert relation("--beside", folder)[0][1] == "child is another model"
    shutil.copytree(folder, at_home / "models" / "small")  # not the parent, for all its name
    assert relation()[0][1] == "classical is one of those that ship"
    shutil.rmtree(at_home / "models" / "small")
    shutil.copytree(small_model, at_home / "models" / "small")
    assert relation()[0][1] == "small is its parent"
    shutil.rmtree(at_home / "models" / "small")


def test_ctrl_c_while_the_page_is_made_leaves_nothing_half_done(twenty, tmp_path, monkeypatch):
    words = [twenty, "--name", "x", *TINY, "--set", "steps=2", "--out", tmp_path / "x", "--work", tmp_path / "work"]
    with monkeypatch.context() as patched:
        patched.setattr(making, "write_page", lambda *_, **__: os.kill(os.getpid(), signal.SIGINT))
        run(*words, status=130)
    assert [path.name for path in tmp_path.iterdir()] == ["work"]
    run(*words, "--resume")
    assert (tmp_path / "x" / "report.html").is_file()


def test_names_of_folders_may_be_no_unicode(start, twenty, tmp_path):
    odd = Path(os.fsdecode(bytes(tmp_path) + b"/od\xffd"))
    shutil.copytree(twenty, odd / "in")
    words = [odd / "in", "--name", "x", *TINY, "--set", "steps=2", "--out", odd / "x", "--work"]
    with start("train", "new", *words, tmp_path / "work") as program:
        pass
    assert program.status == 0 and "play --model" in program.said, program.said
    assert load_model(odd / "x").card["data"]["name"] == "in"
    assert "od\\udcffd" in (tmp_path / "work" / "data" / "data.json").read_text(encoding="utf-8")
    assert str(odd) in runs.open_run(tmp_path / "work" / "run").commands[0]
    with start("train", "new", *words, odd / "work", "--force") as program:
        pass
    assert program.status == 2 and program.said.endswith("names in UTF-8 only; name another folder\n")


def test_names_from_files_cannot_write_the_page(child, tmp_path):
    folder, work, _ = child
    odd = shutil.copytree(folder, tmp_path / "odd")
    facts = json.loads((odd / "model.json").read_text())
    facts["data"]["name"] = "<script>alert(1)</script> & co"
    (odd / "model.json").write_text(json.dumps(facts))
    making.write_page(odd, work / "run", Prepared(work / "data"), None)
    page, _ = page_of(odd)
    assert "<script>alert" not in page and "&lt;script&gt;alert(1)" in page


def test_too_little_is_said_before_anything_is_trained(twenty, tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "fit", lambda *_, **__: pytest.fail("trained"))
    few = tmp_path / "few"
    few.mkdir()
    for number in range(6):
        shutil.copy(twenty / f"{number}.mid", few)
    with pytest.raises(UserError, match=r"few: too little to learn from: 6 usable files, 6 of them.*twenty") as caught:
        run(few, "--name", "few", *TINY, "--work", tmp_path / "work", "--out", tmp_path / "model")
    assert "10 such files" in str(caught.value) and "\n" not in str(caught.value)
    for number in range(12):
        midi_file(few / f"{number}.mid", music(number, 60))
    with pytest.raises(UserError, match=r"12 usable files, 0 of them with 128 notes"):
        run(few, "--name", "few", *TINY, "--work", tmp_path / "work", "--out", tmp_path / "model")
    shutil.copytree(twenty, tmp_path / "all" / "train")
    with pytest.raises(UserError, match="validation"):
        run(tmp_path / "all", "--name", "few", *TINY, "--work", tmp_path / "work", "--out", tmp_path / "model")
    (tmp_path / "all" / "train").rename(tmp_path / "all" / "test")
    with pytest.raises(UserError, match="in train 0, in validation 0, in test 20; .*called validation or") as caught:
        run(tmp_path / "all", "--name", "few", *TINY, "--work", tmp_path / "work", "--out", tmp_path / "model")
    assert "Add files" not in str(caught.value) and "\n" not in str(caught.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["all", "few"], "nothing half written"


def test_a_collection_that_is_called_test_is_trained_on(stopped, twenty, tmp_path):
    mine = shutil.copytree(twenty, tmp_path / "test")
    run(mine, "--name", "x", *TINY, "--out", tmp_path / "model", "--work", tmp_path / "work", status=130)
    assert Prepared(tmp_path / "work" / "data").report["splits"]["train"]["files"] > 10


class Interrupt(L.Callback):
    """Ctrl-C in the middle of training."""

    def on_train_batch_end(self, _trainer, module, *_):
        if module.global_step == 2:
            os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.soak
def test_ctrl_c_keeps_what_was_learnt_and_the_same_command_goes_on(twenty, small_model, tmp_path, monkeypatch):
    words = [twenty, "--name", "slow", "--from", small_model, "--set", "steps=5", "--out", tmp_path / "slow", *SMALL]
    words += ["--work", tmp_path / "work"]
    fit = loop.fit
    with monkeypatch.context() as patched:
        patched.setattr(loop, "fit", lambda run, **more: fit(run, **more, callbacks=[Interrupt()]))
        said = run(*words, status=130)
    assert str(tmp_path / "work") in said and "--resume goes on" in said
    assert not (tmp_path / "slow").exists()
    learnt = runs.load_trained(tmp_path / "work" / "run", "last")
    assert learnt.step in (2, 3)
    with pytest.raises(UserError, match=r"go on with --resume, or begin anew with --force"):
        run(*words)
    with pytest.raises(UserError, match="was begun with --from small; go on so"):
        run(twenty, "--name", "slow", *TINY, "--out", tmp_path / "slow", "--work", tmp_path / "work", "--resume")
    run(*words, "--resume")
    facts = json.loads((tmp_path / "slow" / "model.json").read_text())
    assert runs.load_trained(tmp_path / "work" / "run", "last").step == 5
    assert " --resume" in facts["recipe"]["commands"][-1]
    # Once more finds all done, but for the model.
    shutil.rmtree(tmp_path / "slow")
    monkeypatch.setattr(loop, "fit", lambda *_, **__: pytest.fail("trained again"))
    run(*words, "--resume")
    assert json.loads((tmp_path / "slow" / "model.json").read_text())["scores"] == facts["scores"]


def test_a_language_model_is_refused_before_anything_is_read(twenty, data, tmp_path):
    words = [twenty, "--name", "x", "--out", tmp_path / "model", "--work", tmp_path / "work", *SMALL]
    with pytest.raises(UserError, match="--config paper-lm: makes a language model, without buttons.*train fit"):
        run(*words, "--config", "paper-lm")
    tiny = config.named("paper-lm").but(rnn_dim=8, batch_size=4, window=32, steps=1)
    loop.fit(loop.new_run(tmp_path / "lm", tiny, "paper-lm", Prepared(data), ""), device="cpu")
    with pytest.raises(UserError, match="--from .*lm: makes a language model"):
        run(*words, "--from", tmp_path / "lm")
    assert [path.name for path in tmp_path.iterdir()] == ["lm"]


@pytest.fixture
def stopped(monkeypatch):
    """Trainings that are stopped as they begin."""
    monkeypatch.setattr(loop, "fit", lambda *_, **__: loop.Outcome(0, 0.0, None, stopped=True))


def test_a_training_goes_on_with_the_collection_that_it_began_with(stopped, twenty, tmp_path):
    mine, other = (shutil.copytree(twenty, tmp_path / name) for name in ("mine", "other"))
    midi_file(other / "0.mid", music(0, 210))
    words = ["--name", "x", *TINY, "--out", tmp_path / "model", "--work", tmp_path / "work"]
    run(mine, *words, status=130)
    with pytest.raises(UserError, match=f"{tmp_path}/work: was begun on {mine}; go on with that,.*--force") as caught:
        run(other, *words, "--resume")
    assert "\n" not in str(caught.value)
    run(mine.rename(tmp_path / "moved"), *words, "--resume", status=130)
    shutil.copytree(tmp_path / "moved", mine)
    midi_file(mine / "added.mid", music(77, 200))
    with pytest.raises(UserError, match=r"mine: holds other files than when .*work was begun on it .20 MIDI .* 21 now"):
        run(mine, *words, "--resume")


def test_a_training_of_before_collections_were_told_apart_goes_on(stopped, twenty, tmp_path):
    words = [twenty, "--name", "x", *TINY, "--out", tmp_path / "model", "--work", tmp_path / "work"]
    run(*words, status=130)
    facts = json.loads((tmp_path / "work" / "data" / "data.json").read_text())
    del facts["collection"]
    (tmp_path / "work" / "data" / "data.json").write_text(json.dumps(facts))
    run(*words, "--resume", status=130)


def test_names_and_places_that_will_not_do(twenty, tmp_path, small_run, at_home):
    for name, said in (("classical", "a model that ships"), ("a/b", "1 to 64"), ("..", "1 to 64"), ("", "1 to 64")):
        with pytest.raises(UserError, match=said):
            run(twenty, "--name", name, *TINY)
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "thesis.txt").write_text("x")
    with pytest.raises(UserError, match="holds thesis.txt"):
        run(twenty, "--name", "x", *TINY, "--work", tmp_path / "work", "--force")
    with pytest.raises(UserError, match="nowhere"):
        run(tmp_path / "nowhere", "--name", "x", *TINY)
    with pytest.raises(UserError, match="nosuch: no such model"):
        run(twenty, "--name", "x", "--from", "nosuch", *SMALL)
    with pytest.raises(UserError, match="is what --force would remove"):
        mine = shutil.copytree(small_run, tmp_path / "mine" / "run")
        run(twenty, "--name", "x", "--from", mine, "--work", mine.parent, "--force", *SMALL)
    assert (tmp_path / "work" / "thesis.txt").exists() and mine.exists()
    assert not (at_home / "training" / "x").exists()


def test_nothing_that_no_training_put_there_is_ever_removed(twenty, small_run, tmp_path):
    work = tmp_path / "work"
    theirs = shutil.copytree(twenty, work / "data")
    for more in ([], ["--force"], ["--resume"]):
        with pytest.raises(UserError, match="data: no training put that there"):
            run(theirs, "--name", "x", "--work", work, *TINY, *more)
    assert len(list(theirs.glob("*.mid"))) == 20
    shutil.rmtree(theirs)
    (work / "run").mkdir()
    (work / "run" / "thesis.txt").write_text("mine")
    with pytest.raises(UserError, match="run: no training put that there"):
        run(twenty, "--name", "x", "--work", work, *TINY, "--force")
    assert (work / "run" / "thesis.txt").is_file()
    shutil.rmtree(work / "run")
    finished = shutil.copytree(small_run, work / "run")
    with pytest.raises(UserError, match="no such"):
        run(tmp_path / "mistyped", "--name", "x", "--work", work, *TINY, "--resume")
    assert runs.is_run(finished), "a name that was mistyped costs no training"
    shutil.copytree(twenty, work / "run" / "collection")
    with pytest.raises(UserError, match="is where this training puts what it makes"):
        run(work / "run" / "collection", "--name", "x", "--work", work, *TINY, "--force")
    assert len(list((work / "run" / "collection").glob("*.mid"))) == 20


def test_work_may_be_where_one_stands(twenty, tmp_path, monkeypatch):
    few = tmp_path / "few"
    few.mkdir()
    shutil.copy(twenty / "1.mid", few)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    with pytest.raises(UserError, match="too little to learn from"):
        run(few, "--name", "x", "--work", ".", *TINY)
    assert list((tmp_path / "here").iterdir()) == []


def test_settings_suit_how_much_there_is(data):
    prepared = Prepared(data)  # pieces of 300 notes
    long = config.named("genie")
    found = retrain.suited(long, prepared, {})
    assert found.window == long.window and found.steps * found.window * found.batch_size >= 100 * 1200
    assert 25 <= found.validate_every <= 500
    assert retrain.suited(long.but(window=301), prepared, {}).window == 128
    assert retrain.suited(long.but(window=301), prepared, {"window": "301"}).window == 301
    assert retrain.suited(long, prepared, {"steps": "7"}).steps == long.steps  # as it was typed, in the configuration


def test_weights_are_a_fair_copy(child):
    from pianogenie_train import parents

    folder, work, _ = child
    trained = runs.load_trained(work / "run").model.state_dict()
    handed = parents.find_parent(str(folder)).weights
    assert all(torch.equal(trained[name], handed[name]) for name in trained)
