"""What goes wrong is one line and exit status 2, and the last good checkpoint, data folder or model stays."""

import json
import shutil

import pytest
import torch
from pianogenie_train import config, loop, runs, sizes
from pianogenie_train.config import Config
from pianogenie_train.data import Prepared
from pianogenie_train.export import Provenance, export
from pianogenie_train.prepare import prepare

from pianogenie.errors import UserError
from pianogenie.model import load_model

from .faults import fill, full_disk, small_disk

TINY = ["--config", "paper", "--set", "rnn_dim=8", "--set", "window=32", "--batch", "4", "--device", "cpu"]
TINY += ["--threads", "1", "--set", "validate_every=1000"]


def fit(start, data, out, *more):
    with start("train", "fit", data, "--out", out, *TINY, *more) as program:
        pass
    return program


def refused(program, *words):
    """Whether a program ended with status 2 and, at the end of what it said, one line with those words."""
    lines = program.said.splitlines()
    faults = [line for line in lines if not line.startswith(("step ", "Reading"))]
    assert program.status == 2, program.said
    assert len(faults) == 1 and faults[0].startswith("pianogenie: "), program.said
    assert all(word in faults[0] for word in words), faults[0]
    return True


@pytest.fixture(scope="module")
def run(start, data, tmp_path_factory):
    """A run of three steps, made by the command."""
    out = tmp_path_factory.mktemp("runs") / "run"
    assert fit(start, data, out, "--steps", "3").status == 0
    return out


@pytest.fixture
def copy(run, tmp_path):
    return shutil.copytree(run, tmp_path / "copy")


def rewrite(path, change):
    facts = json.loads(path.read_text())
    change(facts)
    path.write_text(json.dumps(facts))


def test_another_version_of_the_data(start, data, tmp_path):
    other = shutil.copytree(data, tmp_path / "data")
    rewrite(other / "data.json", lambda facts: facts.update(format="pianogenie-data/9"))
    assert refused(fit(start, other, tmp_path / "run"), "pianogenie-data/9", "pianogenie train prepare")
    assert not (tmp_path / "run").exists()


def test_a_run_with_an_unknown_setting(start, data, copy):
    rewrite(copy / "config.json", lambda facts: facts["config"].update(colour="red"))
    assert refused(fit(start, data, copy, "--resume", "--steps", "5"), "config.json", "colour")


def test_a_checkpoint_of_another_configuration(start, data, run, copy):
    rewrite(copy / "config.json", lambda facts: facts["config"].update(seed=5))
    assert refused(fit(start, data, copy, "--resume", "--steps", "5"), "last.ckpt", "its seed is 0, the run's is 5")
    last = "checkpoints/last.ckpt"
    assert (copy / last).read_bytes() == (run / last).read_bytes()


def test_losses_that_are_no_numbers(start, data, tmp_path):
    program = fit(start, data, tmp_path / "run", "--steps", "50", "--lr", "1e30", "--save-every", "0")
    assert refused(program, "not finite", "--lr")
    kept = runs.load_trained(tmp_path / "run", "last")
    assert kept.step >= 1 and all(torch.isfinite(tensor).all() for tensor in kept.model.state_dict().values())


@pytest.mark.parametrize("network", ["gated", "lstm"])
def test_a_network_that_has_diverged_is_told_at_validation_too(data, tmp_path, network):
    torch.manual_seed(0)
    settings = Config(network=network, rnn_dim=8, batch_size=4, window=32, steps=4, validate_every=1, lr=1e30)
    with pytest.raises(UserError, match=r"step \d: .* is not finite; the last good checkpoint"):
        loop.fit(loop.new_run(tmp_path / "run", settings, "x", Prepared(data), ""), device="cpu")


def test_a_network_that_cannot_be_resumed_or_exported_is_told_before_it_is_trained(start, data, tmp_path):
    program = fit(start, data, tmp_path / "run", "--steps", "1", "--set", "rnn_dim=4000")
    assert refused(program, "a checkpoint of this network would take", "rnn_dim") and not (tmp_path / "run").exists()
    large = config.named("paper").but(encoder_dim=400)
    with pytest.raises(UserError, match="a model folder's encoder would take 25 MiB, and at most 16"):
        sizes.check_exportable(large)
    sizes.check_exportable(config.named("genie"))
    program = fit(
        start, data, tmp_path / "large", "--steps", "1", "--set", "encoder_dim=400", "--set", "encoder_layers=2"
    )
    assert program.status == 0 and "can be trained and scored, but not exported" in program.said


def test_a_collection_of_broken_files(start, tmp_path):
    for name in ("a", "b"):
        (tmp_path / f"{name}.mid").write_bytes(b"MThd and no more")
    with start("train", "prepare", tmp_path, "--out", tmp_path / "data", "--jobs", "1") as program:
        pass
    assert refused(program, "no usable MIDI file among 2")
    assert not (tmp_path / "data").exists()


def test_a_disk_that_fills_up_under_a_training(start, data, run, tmp_path):
    with small_disk(tmp_path / "disk", 1 << 20) as disk:
        shutil.copytree(run, disk / "run")
        fill(disk)
        program = fit(start, data, disk / "run", "--resume", "--steps", "6", "--save-every", "0")
        assert refused(program, "cannot be written (No space left on device)")
        kept = runs.load_trained(disk / "run", "last")
        assert kept.step == 3


def test_a_disk_that_fills_up_during_a_training(start, data, tmp_path):
    with small_disk(tmp_path / "disk", 300 << 10) as disk:  # room for two checkpoints, not for a third beside them
        program = fit(start, data, disk / "run", "--steps", "9", "--set", "validate_every=3", "--save-every", "0")
        assert refused(program, "cannot be written (No space left on device)")
        kept = runs.load_trained(disk / "run", "last")
        assert kept.step == 3


def test_a_disk_that_fills_up_while_preparing_keeps_the_data_that_was_there(collection, tmp_path):
    prepare([str(collection)], tmp_path / "data", jobs=1)
    before = Prepared(tmp_path / "data").keys.tolist()
    for out in (tmp_path / "data", tmp_path / "new"):
        with full_disk(4000), pytest.raises(UserError, match=f"{out}: cannot be written"):
            prepare([str(collection)], out, jobs=1, force=True)
    assert {path.name for path in tmp_path.iterdir()} == {"data"}
    assert Prepared(tmp_path / "data").keys.tolist() == before


def test_a_disk_that_fills_up_while_exporting_keeps_the_model_that_was_there(small_run, small_model, tmp_path):
    shutil.copytree(small_model, tmp_path / "model")
    words = Provenance("made-up music", "CC0-1.0", "CC0-1.0")
    for out in (tmp_path / "model", tmp_path / "new"):
        with full_disk(4000), pytest.raises(UserError, match=f"{out}: cannot be written"):
            export(small_run, out, words, force=True, scored=False)
    assert {path.name for path in tmp_path.iterdir()} == {"model"}
    assert load_model(tmp_path / "model").num_buttons == 8
