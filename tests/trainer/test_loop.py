"""Training: that it learns, that it can be stopped and gone on with, and what it leaves when it fails."""

import json
import math
import os
import signal
import subprocess
import sys
import time

import lightning as L
import numpy as np
import pytest
import torch
from click.testing import CliRunner
from pianogenie_train import config, loop, losses, runs
from pianogenie_train.cli import train as cli
from pianogenie_train.data import Prepared
from pianogenie_train.prepare import prepare

from pianogenie.errors import UserError

from .conftest import midi_file, music
from .faults import full_disk

TINY = config.named("paper").but(rnn_dim=8, batch_size=4, window=32, lr=0.01, validate_every=4)


def train(data, out, settings, **options):
    run = loop.new_run(out, settings, "paper", Prepared(data), "pianogenie train fit")
    return loop.fit(run, device="cpu", **options)


def go_on(data, out, changes, **options):
    run = loop.resumed_run(out, changes, None, Prepared(data), "pianogenie train fit --resume")
    return loop.fit(run, resume=True, device="cpu", **options)


def weights(out, which):
    return runs.load_trained(out, which).model.state_dict()


def test_it_learns(data, tmp_path):
    outcome = train(data, tmp_path / "run", TINY.but(rnn_dim=32, lr=0.02, steps=120, validate_every=40))
    assert outcome.ppl < 50  # from 88; one note in these files has some twenty neighbours
    assert outcome.step == 120 and not outcome.stopped
    assert list((tmp_path / "run" / "log").glob("events.*"))


def test_seeds_make_a_run_repeatable_and_resuming_leaves_no_trace(data, tmp_path):
    train(data, tmp_path / "straight", TINY.but(steps=8))
    train(data, tmp_path / "twice", TINY.but(steps=3))
    outcome = go_on(data, tmp_path / "twice", {"steps": 8})
    assert outcome.step == 8
    straight, twice = weights(tmp_path / "straight", "last"), weights(tmp_path / "twice", "last")
    assert all(torch.equal(straight[name], twice[name]) for name in straight)
    commands = json.loads((tmp_path / "twice" / "config.json").read_text())["commands"]
    assert commands[-1].endswith("--resume") and len(commands) == 3
    other = train(data, tmp_path / "other", TINY.but(steps=3, seed=1))
    assert other.step == 3
    assert not torch.equal(
        weights(tmp_path / "other", "last")["decoder.output.weight"], straight["decoder.output.weight"]
    )


def test_the_same_seed_gives_the_same_bytes(data, tmp_path):
    settings = config.named("genie").but(rnn_dim=8, window=32, batch_size=4, steps=4)

    def learnt(name):
        train(data, tmp_path / name, settings)
        return {name: weight.numpy().tobytes() for name, weight in weights(tmp_path / name, "last").items()}

    assert learnt("one") == learnt("two")


def test_a_genie_that_leaves_channels_out_leaves_the_same_out_after_a_resumption(data, tmp_path):
    settings = config.named("genie").but(rnn_dim=8, window=32, batch_size=4, steps=6, schedule="constant", dropout=0.3)
    train(data, tmp_path / "straight", settings)
    train(data, tmp_path / "twice", settings.but(steps=3))
    torch.rand(5)  # what else draws in between is of no matter
    go_on(data, tmp_path / "twice", {"steps": 6})
    train(data, tmp_path / "whole", settings.but(dropout=0.0))
    straight, twice, whole = (weights(tmp_path / name, "last") for name in ("straight", "twice", "whole"))
    assert all(torch.equal(straight[name], twice[name]) for name in straight)
    assert not torch.equal(straight["decoder.output.weight"], whole["decoder.output.weight"])
    model = runs.load_trained(tmp_path / "straight").model  # nothing is left out once it has learnt
    keys, times = torch.arange(40, 60)[None], torch.full((1, 20), 0.2)
    assert torch.equal(model(keys, times).logits, model(keys, times).logits)


def test_a_run_with_an_earlier_optimiser_says_how_to_go_on(data, tmp_path):
    train(data, tmp_path / "run", TINY.but(steps=4))
    last = tmp_path / "run" / "checkpoints" / "last.ckpt"
    checkpoint = torch.load(last, weights_only=True)
    groups = checkpoint["optimizer_states"][0]["param_groups"]
    groups[0]["params"] += groups.pop()["params"]
    torch.save(checkpoint, last)
    before, settings = last.read_bytes(), (tmp_path / "run" / "config.json").read_bytes()
    with pytest.raises(UserError, match=r"last\.ckpt: its optimiser is of an earlier version.*--from"):
        go_on(data, tmp_path / "run", {"steps": 8})
    assert last.read_bytes() == before and (tmp_path / "run" / "config.json").read_bytes() == settings


def test_the_best_weights_are_the_best_for_encoder_and_hands_alike(data, tmp_path):
    settings = config.named("genie").but(rnn_dim=8, window=32, batch_size=4, steps=8, hand_share=0.25, validate_every=2)
    looks = []

    class Looking(L.Callback):
        def on_validation_end(self, trainer, _module):
            looks.append({name: float(value) for name, value in trainer.callback_metrics.items()})

    train(data, tmp_path / "run", settings, callbacks=[Looking()])
    nats = [0.75 * math.log(look["val/ppl"]) + 0.25 * math.log(look["val/hand_ppl"]) for look in looks]
    assert nats == pytest.approx([look["val/nats"] for look in looks], abs=1e-5)
    assert runs.load_trained(tmp_path / "run").step == 2 * (1 + nats.index(min(nats)))


def test_time_ends_a_run(data, tmp_path):
    outcome = train(data, tmp_path / "run", TINY.but(steps=10**6, validate_every=10**6), minutes=0.02)
    assert 0 < outcome.step < 10**6 and not outcome.stopped
    assert runs.load_trained(tmp_path / "run").which == "best"


def test_ctrl_c_leaves_a_checkpoint_that_goes_on(data, tmp_path):
    out = tmp_path / "run"
    program = (
        "import sys; from pianogenie_train import loop; loop.Lines.__init__.__defaults__ = (0.0,);"
        "from pianogenie_train.__main__ import main; main()"
    )
    arguments = [
        "fit",
        str(data),
        "--out",
        str(out),
        "--config",
        "paper",
        "--set",
        "rnn_dim=8",
        "--batch",
        "4",
        "--set",
        "window=32",
        "--steps",
        "1000000",
        "--set",
        "validate_every=1000000",
        "--device",
        "cpu",
        "--threads",
        "1",
    ]
    process = subprocess.Popen(
        [sys.executable, "-c", program, *arguments],
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    for line in process.stderr:
        if line.startswith("step 3/"):
            break
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "--resume" in output and "Traceback" not in errors
    stopped = runs.load_trained(out, "last")
    assert stopped.step >= 3
    outcome = go_on(data, out, {"steps": stopped.step + 2, "validate_every": 1})
    assert outcome.step == stopped.step + 2 and outcome.ppl is not None


def test_a_run_that_diverges_keeps_its_last_good_checkpoint(data, tmp_path, monkeypatch):
    calls, real = [], losses.reconstruction

    def breaks(logits, keys):
        calls.append(1)
        return real(logits, keys) * (float("nan") if len(calls) > 3 else 1)

    monkeypatch.setattr(losses, "reconstruction", breaks)
    with pytest.raises(UserError, match=r"step 3: the loss is not finite.*--lr"):
        train(data, tmp_path / "run", TINY.but(steps=50), save_every_s=0)
    kept = runs.load_trained(tmp_path / "run")
    assert kept.step == 3
    assert all(torch.isfinite(w).all() for w in kept.model.state_dict().values())


def test_a_run_that_diverges_ends_at_validation_too(data, tmp_path):
    """Its losses are still numbers, but a perplexity is none any more."""
    settings = TINY.but(rnn_dim=32, window=64, batch_size=12, steps=60, validate_every=10, lr=30)
    with pytest.raises(UserError, match=r"step \d+: validation's perplexity is not finite.*--lr"):
        train(data, tmp_path / "run", settings)


def test_a_broken_gradient_never_reaches_the_weights(data, tmp_path, monkeypatch):
    def infinite_slope(e):  # a finite loss whose gradient is not
        return (e - e.detach()).abs().sqrt().sum()

    monkeypatch.setattr(losses, "margin", infinite_slope)
    with pytest.raises(UserError, match="the gradient is not finite"):
        train(data, tmp_path / "run", TINY.but(steps=5))


@pytest.mark.parametrize(
    "fault",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.\nSee documentation"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: you"),
        MemoryError(),
    ],
    ids=["gpu", "cpu", "python"],
)
def test_too_little_memory_is_one_line_and_keeps_the_last_checkpoint(data, tmp_path, monkeypatch, fault):
    calls, real = [], losses.reconstruction

    def breaks(logits, keys):
        calls.append(1)
        if len(calls) > 3:
            raise fault
        return real(logits, keys)

    monkeypatch.setattr(losses, "reconstruction", breaks)
    with pytest.raises(
        UserError, match=r"step 3: out of memory with batches of 4 windows of 32 notes.*--set"
    ) as caught:
        train(data, tmp_path / "run", TINY.but(steps=50), save_every_s=0)
    assert "\n" not in str(caught.value)
    assert runs.load_trained(tmp_path / "run").step == 3


@pytest.mark.parametrize("device", ["gpu", "cuda", "mps"])
def test_a_device_that_is_not_there_is_told_before_anything_is_written(data, tmp_path, monkeypatch, device):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    run = loop.new_run(tmp_path / "run", TINY, "paper", Prepared(data), "")
    with pytest.raises(UserError, match=f"--device {device}: torch .* finds none on this machine; leave --device out"):
        loop.fit(run, device=device)
    if device != "cuda":  # commands say gpu
        with pytest.raises(UserError, match=f"--device {device}"):
            CliRunner().invoke(cli, ["bench", str(data), "--device", device], catch_exceptions=False)
        words = ["new", str(data), "--name", "x", "--device", device, "--work", str(tmp_path / "work")]
        with pytest.raises(UserError, match=f"--device {device}"):
            CliRunner().invoke(cli, [*words, "--out", str(tmp_path / "model")], catch_exceptions=False)
    assert not list(tmp_path.iterdir())


def test_a_disk_that_fills_up_is_one_line_and_keeps_the_old_checkpoint(data, tmp_path):
    train(data, tmp_path / "run", TINY.but(steps=2))
    before = weights(tmp_path / "run", "last")
    size = (tmp_path / "run" / "checkpoints" / "last.ckpt").stat().st_size
    with full_disk(size // 2), pytest.raises(UserError, match=r"\.ckpt: cannot be written \(File too large\)"):
        go_on(data, tmp_path / "run", {"steps": 4})
    after = weights(tmp_path / "run", "last")
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert {p.name for p in (tmp_path / "run" / "checkpoints").iterdir()} == {"last.ckpt", "best.ckpt"}


def test_other_configurations_are_not_mixed(data, tmp_path, small_run):
    with pytest.raises(UserError, match="go on with --resume"):
        train(data, small_run, TINY)
    with pytest.raises(UserError, match=r"of another configuration: its lr is 0.01, not 0.5"):
        go_on(data, small_run, {"lr": "0.5"})
    with pytest.raises(UserError, match="are done"):
        go_on(data, small_run, {})
    run = runs.open_run(small_run)
    with pytest.raises(UserError, match="its num_buttons is 8, the run's is 4"):
        runs.read_checkpoint(run.checkpoint("last"), run.config.but(num_buttons=4))
    with pytest.raises(UserError, match="no config.json in it; `pianogenie train fit`"):
        go_on(data, tmp_path, {})


def test_a_run_without_a_checkpoint_or_with_a_damaged_one(data, tmp_path):
    run = loop.new_run(tmp_path / "run", TINY, "paper", Prepared(data), "")
    run.save()
    with pytest.raises(UserError, match=r"last\.ckpt: no such checkpoint"):
        runs.load_trained(tmp_path / "run")
    (tmp_path / "run" / "checkpoints").mkdir()
    run.checkpoint("last").write_bytes(np.random.default_rng(0).bytes(1000))
    with pytest.raises(UserError, match=r"last\.ckpt: damaged"):
        runs.load_trained(tmp_path / "run")
    (tmp_path / "run" / "config.json").write_text('{"format": "pianogenie-run/7"}')
    with pytest.raises(UserError, match="pianogenie-run/7"):
        runs.load_trained(tmp_path / "run")


def test_a_stopped_clock_counts_training_only(data, tmp_path):
    train(data, tmp_path / "run", TINY.but(steps=2))
    first = runs.load_trained(tmp_path / "run", "last").minutes
    time.sleep(1.0)
    outcome = go_on(data, tmp_path / "run", {"steps": 3})
    assert first < outcome.minutes < first + 0.5


def test_a_run_goes_on_with_its_own_files_alone(tmp_path):
    """Another collection may have as many notes."""
    for name, first in (("a", 0), ("b", 100)):
        for seed, split in enumerate(["train", "train", "validation"], start=first):
            midi_file(tmp_path / name / split / f"{seed}.mid", music(seed, 200))
        prepare([str(tmp_path / name)], tmp_path / f"data-{name}", jobs=1)
    settings = TINY.but(steps=2, validate_every=2)
    train(tmp_path / "data-a", tmp_path / "run", settings)
    with pytest.raises(UserError, match="was trained on other files than"):
        go_on(tmp_path / "data-b", tmp_path / "run", {"steps": 4})
    assert go_on(tmp_path / "data-a", tmp_path / "run", {"steps": 4}).step == 4
