"""Several processes train as one: the same losses, and no process waits for one that left."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pianogenie_train import bench, config, loop, losses, ranks, runs
from pianogenie_train.data import Batch, Prepared, RandomBatches
from pianogenie_train.training import Training

from pianogenie.errors import UserError
from pianogenie.model import load_model
from tests.trainer import two_processes
from tests.trainer.conftest import midi_file, music

ROOT = Path(__file__).parents[2]


def environment(**more: str) -> dict[str, str]:
    return {**os.environ, "OMP_WAIT_POLICY": "passive", "PYTHONPATH": str(ROOT), **more}


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@pytest.fixture(scope="module")
def together(data, tmp_path_factory):
    """Where two processes have trained, and what each saw."""
    out = tmp_path_factory.mktemp("together")
    shared = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port()), "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2"}
    processes = [
        subprocess.Popen(
            [sys.executable, str(Path(two_processes.__file__)), str(data), str(out)],
            env=environment(**shared, TORCHELASTIC_RUN_ID="tests", RANK=str(rank), LOCAL_RANK=str(rank)),
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    try:
        errors = [process.communicate(timeout=120)[1] for process in processes]
    finally:
        for process in processes:
            process.kill()
    assert [process.returncode for process in processes] == [0, 0], errors
    return out, [json.loads((out / f"seen-{rank}.json").read_text()) for rank in range(2)]


@pytest.fixture(scope="module")
def alone(data, tmp_path_factory):
    """The same training by one process."""
    out = tmp_path_factory.mktemp("alone") / "straight"
    return out, two_processes.training(data, out, two_processes.SETTINGS)


def weights(run):
    return runs.load_trained(run, "last").model.state_dict()


def test_two_processes_lose_what_one_loses_at_every_step(together, alone):
    _, seen = together
    expected = alone[1]
    assert len(expected["losses"]) == 6 and len(set(expected["losses"])) == 6
    for process in seen:
        assert process["straight"]["losses"] == pytest.approx(expected["losses"], rel=1e-5)
        assert process["straight"]["ppl"] == pytest.approx(expected["ppl"], rel=1e-5)
    assert seen[0]["straight"] == seen[1]["straight"]


def test_they_learn_what_one_learns(together, alone):
    of_two, of_one = weights(together[0] / "straight"), weights(alone[0])
    for name, tensor in of_one.items():
        torch.testing.assert_close(of_two[name], tensor, rtol=1e-3, atol=1e-4)


def test_going_on_together_leaves_no_trace(together):
    out, seen = together
    assert seen[0]["second half"]["step"] == 6
    assert seen[0]["first half"]["losses"] + seen[0]["second half"]["losses"] == seen[0]["straight"]["losses"]
    straight, halves = weights(out / "straight"), weights(out / "halves")
    assert all(torch.equal(straight[name], halves[name]) for name in straight)


def test_they_end_at_the_same_step_by_the_clock_and_by_a_signal_to_one(together):
    out, seen = together
    assert 0 < seen[0]["time"]["step"] == seen[1]["time"]["step"] < 10**6
    assert seen[0]["time"]["losses"] == seen[1]["time"]["losses"]
    for process in seen:
        assert process["signal"]["stopped"] and process["signal"]["step"] in (3, 4)
    assert seen[0]["signal"]["step"] == seen[1]["signal"]["step"] == runs.load_trained(out / "signal", "last").step


def test_their_speed_is_taken_over_the_same_steps(together):
    assert bench.LEAST_STEPS <= together[1][0]["speed"] == together[1][1]["speed"]


def test_what_goes_wrong_in_one_ends_all_of_them(together):
    out, seen = together
    for process in seen:
        assert "the loss is not finite" in process["diverged"]["error"]
        assert process["diverged"]["error"] == seen[0]["diverged"]["error"], "at the same step"
        assert "give another --batch" in process["uneven"]["error"]
    kept = runs.load_trained(out / "diverged", "last")
    assert all(torch.isfinite(tensor).all() for tensor in kept.model.state_dict().values())
    assert "last.ckpt: cannot be written (File too large)" in seen[0]["disk"]["error"]
    assert "error" in seen[1]["disk"]


def test_torchrun_ends_well_by_a_signal_and_one_process_can_go_on(data, tmp_path):
    settings = ["rnn_dim=8", "window=32", "batch_size=4", "steps=1000000", "validate_every=2"]
    words = [word for setting in settings for word in ("--set", setting)]
    fit = ["fit", str(data), "--out", str(tmp_path / "run"), "--config", "paper", "--device", "cpu", "--threads", "1"]
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "-m", "pianogenie", "train"]
    with subprocess.Popen(
        [*torchrun, *fit, *words], env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            steps = [next(line for line in process.stderr if line.startswith("step ")) for _ in range(3)]
            process.send_signal(signal.SIGTERM)
            output, errors = process.communicate(timeout=60)
        finally:
            process.kill()
    assert output.count("Stopped; the same command with --resume goes on") == 1, errors
    assert len(set(steps)) == 3  # one process speaks
    assert str(ROOT / "train") not in errors  # torchrun shows a traceback of its own
    before = runs.load_trained(tmp_path / "run", "last").step
    assert before >= 4
    run = loop.resumed_run(tmp_path / "run", {"steps": before + 1}, None, Prepared(data), "")
    assert loop.fit(run, resume=True, device="cpu").step == before + 1


def test_one_command_from_files_to_a_model_trains_in_two_processes(tmp_path):
    (tmp_path / "music").mkdir()
    for seed in range(20):
        midi_file(tmp_path / "music" / f"{seed}.mid", music(seed, 200))
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "-m", "pianogenie", "train"]
    new = ["new", str(tmp_path / "music"), "--name", "two", "--out", str(tmp_path / "two"), "--work"]
    sizes = ["rnn_dim=8", "batch_size=4", "window=32", "steps=4", "validate_every=2"]
    rest = ["--config", "paper", "--device", "cpu", "--threads", "1", "--jobs", "1"]
    rest += [word for size in sizes for word in ("--set", size)]

    def run(*command):
        return subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=200)

    done = run(*torchrun, *new, str(tmp_path / "work"), *rest)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("Training two from nothing") == done.stdout.count("How it came about") == 1
    assert load_model(tmp_path / "two").num_buttons == 8
    assert runs.load_trained(tmp_path / "work" / "run", "last").step == 4
    for file in list((tmp_path / "music").iterdir())[5:]:
        file.unlink()
    refused = run(*torchrun, *new, str(tmp_path / "other"), *rest, "--force")
    assert refused.returncode != 0 and refused.stderr.count("pianogenie: ") == 1, refused.stderr
    assert "too little to learn from" in refused.stderr and not (tmp_path / "other").exists()
    assert load_model(tmp_path / "two")


@pytest.mark.parametrize("name", config.CONFIGURATIONS)
def test_every_weight_of_every_configuration_learns(data, name):
    """A weight that a loss does not reach would stop several processes: they wait for its gradient."""
    settings = config.named(name).but(rnn_dim=8, window=16, batch_size=12)
    module = Training(settings)
    batch = RandomBatches(Prepared(data), settings).batch(0)
    terms = losses.terms(settings, module.model.learn_from(batch), batch)
    sum(term.weight * term.value for term in terms.values()).backward()
    assert [name for name, weight in module.named_parameters() if weight.grad is None] == []


kinds = st.tuples(st.integers(0, 3), st.integers(1, 3), st.integers(1, 4))


@given(kinds)
def test_shares_have_all_windows_once_and_as_many_of_each_kind(sizes):
    hands_each, others_each, world = sizes
    hands, rows = hands_each * world, (hands_each + others_each) * world
    keys = torch.arange(rows * 2).reshape(rows, 2)
    batch = Batch(keys, keys.float(), keys.float(), -keys[:hands])
    shares = [batch.share(rank, world) for rank in range(world)]
    assert sorted(torch.cat([share.keys for share in shares]).tolist()) == keys.tolist()
    for share in shares:
        assert (len(share.hands), len(share.keys)) == (hands_each, hands_each + others_each)
        assert torch.equal(share.hands, -share.keys[:hands_each])  # still each to its own window
    means = np.mean([share.velocities.mean().item() for share in shares])
    assert means == pytest.approx(batch.velocities.mean().item())


def test_what_cannot_be_shared_alike_is_told():
    windows = torch.zeros(6, 4)
    with pytest.raises(UserError, match="3 of the 6 windows.*2 processes.*--batch"):
        Batch(windows, windows, windows, windows[:3]).share(0, 2)


def test_alone_nothing_is_asked_of_anyone():
    assert (ranks.rank(), ranks.world()) == (0, 1)
    assert ranks.largest(1, 2.5) == ranks.total(1, 2.5) == ranks.mean(1, 2.5) == [1, 2.5]
    ranks.raise_together(None)
    with pytest.raises(UserError, match="mine"):
        ranks.raise_together(UserError("mine"))


def test_what_all_processes_find_the_first_one_says_and_what_one_finds_that_one(monkeypatch):
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "tests")
    monkeypatch.setenv("LOCAL_RANK", "1")
    with pytest.raises(SystemExit) as silent, ranks.one_voice():
        raise UserError("all know")
    assert silent.value.code == 2
    with pytest.raises(UserError, match="out of memory"), ranks.one_voice():
        raise ranks.OwnFault("out of memory")
