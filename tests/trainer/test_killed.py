"""Runs that are killed go on from their last checkpoint as if nothing had happened."""

import os
import random
import signal
import time

import torch
from pianogenie_train import runs

STEPS = 30


def fit(data, out, *more, save_every="0"):
    settings = ["rnn_dim=8", "window=32", "batch_size=4", f"steps={STEPS}", "validate_every=4", "lr=0.01"]
    words = [word for setting in settings for word in ("--set", setting)]
    machine = ["--device", "cpu", "--threads", "1", "--save-every", save_every]
    return ["train", "fit", data, "--out", out, "--config", "paper", *words, *machine, *more]


def written(path):
    """When a file was written, in ns; 0: never."""
    return path.stat().st_mtime_ns if path.exists() else 0


def wait_for(condition, what, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"waited in vain for {what}"
        time.sleep(0.0005)


def content(run, which):
    """All that a checkpoint says of the training, as tensors and numbers by path; clocks left out."""
    found = {}

    def collect(path, value):
        if isinstance(value, dict):
            for name, part in value.items():
                collect(f"{path}/{name}", part)
        elif isinstance(value, (list, tuple)):
            for number, part in enumerate(value):
                collect(f"{path}/{number}", part)
        else:
            found[path] = value

    kept = runs.read_checkpoint(run / "checkpoints" / f"{which}.ckpt", runs.open_run(run).config)
    for name in ("state_dict", "optimizer_states", "callbacks", "global_step"):
        collect(name, kept[name])
    return found


def test_a_run_killed_again_and_again_ends_as_one_that_was_left_alone(data, tmp_path, start):
    with start(*fit(data, tmp_path / "straight", save_every="1")) as program:
        pass
    assert program.status == 0, program.said

    run, draw = tmp_path / "killed", random.Random(1)
    newest = run / "checkpoints" / "last.ckpt"
    for attempt in range(4):
        before = written(newest)
        with start(*fit(data, run, *(["--resume"] if attempt else []))) as program:
            wait_for(lambda old=before: written(newest) != old, "a checkpoint of its own")
            time.sleep(draw.uniform(0, 0.05))
            if attempt % 2:  # every other time while it writes the next
                wait_for(lambda: list(newest.parent.glob(".last-*")), "half a checkpoint")
            os.kill(program.pid, signal.SIGKILL)
        assert program.status == -signal.SIGKILL, program.said
    reached = runs.load_trained(run, "last").step
    assert 4 <= reached < STEPS

    with start(*fit(data, run, "--resume")) as program:
        pass
    assert program.status == 0, program.said
    for which in ("last", "best"):
        straight, killed = content(tmp_path / "straight", which), content(run, which)
        assert straight.keys() == killed.keys()
        for path, value in straight.items():
            same = torch.equal(value, killed[path]) if isinstance(value, torch.Tensor) else value == killed[path]
            assert same, (which, path, value, killed[path])
    assert {path.name for path in newest.parent.iterdir()} == {"last.ckpt", "best.ckpt"}  # no half of one


def test_a_run_killed_before_its_first_checkpoint_can_be_started_again(data, tmp_path, start):
    with start(*fit(data, tmp_path / "run", save_every="1")) as program:
        wait_for((tmp_path / "run" / "config.json").exists, "a run")
        os.kill(program.pid, signal.SIGKILL)
    assert program.status == -signal.SIGKILL
    with start(*fit(data, tmp_path / "run", "--resume")) as program:
        pass
    assert program.status == 2 and "without --resume" in program.said
    with start(*fit(data, tmp_path / "run", save_every="1")) as program:
        pass
    assert program.status == 0, program.said
