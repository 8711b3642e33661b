"""Timing training: that what is timed is a training, and that the figures hang together."""

import json

import pytest
from click.testing import CliRunner
from pianogenie_train import bench, config
from pianogenie_train.cli import train
from pianogenie_train.data import Prepared, RandomBatches

from pianogenie.errors import UserError

TINY = config.named("paper").but(rnn_dim=8, batch_size=4, window=32, lr=0.01)


def test_speed_on_made_up_notes():
    with bench.made_up(TINY.window) as data:
        assert RandomBatches(data, TINY).batch(0).keys.shape == (4, 32)
        folder = data.folder
        found = bench.speed(TINY, data, 0.2, "cpu", 1)
    assert not folder.exists()
    assert found.steps >= bench.LEAST_STEPS and found.seconds >= 0.2 and found.threads == 1 and found.device == "cpu"
    assert found.notes_per_s == pytest.approx(found.steps * 4 * 32 / found.seconds)
    assert found.step_ms == pytest.approx(1000 * found.seconds / found.steps)
    assert 0 < found.loading_share < 1


def test_loading_that_is_slow_is_seen(monkeypatch, data):
    import time

    real = RandomBatches.batch

    def slow(self, step):
        time.sleep(0.05)
        return real(self, step)

    monkeypatch.setattr(RandomBatches, "batch", slow)
    found = bench.speed(TINY, Prepared(data), 0.0, "cpu", 1)
    assert found.loading_share * found.step_ms >= 49


def test_time_to_a_perplexity(data):
    prepared, config = Prepared(data), TINY.but(steps=4, validate_every=2)
    reached = bench.time_to_ppl(config, prepared, 1000.0, device="cpu")
    assert reached.reached and reached.steps == 2 and 1 < reached.ppl <= 1000 and reached.seconds > 0
    learnt = reached.steps * config.batch_size * config.window
    assert reached.notes_per_s == pytest.approx(learnt / reached.seconds)
    missed = bench.time_to_ppl(config, prepared, 1.0, device="cpu")
    assert not missed.reached and missed.steps == 4 and missed.ppl > 1


def test_the_command(data):
    def run(*words):
        return CliRunner().invoke(train, ["bench", *map(str, words)], catch_exceptions=False)

    tiny = ["--config", "paper", "--device", "cpu", "--set", "rnn_dim=8", "--set", "batch_size=4", "--set", "window=32"]
    two = run(*tiny, "--seconds", 0, "--threads", 1, "--threads", 2)
    assert two.exit_code == 0 and two.stdout.count("notes/s") == 2 and "2 threads" in two.stdout
    found = json.loads(run(data, *tiny, "--seconds", 0, "--threads", 1, "--json").stdout)
    assert found["config"] == "paper" and found["notes_per_s"] > 0 and 0 < found["loading_share"] < 1
    missed = run(data, *tiny, "--set", "steps=2", "--to-ppl", 1, "--threads", 1)
    assert missed.exit_code == 1 and "not reached" in missed.stdout
    with pytest.raises(UserError, match="--to-ppl: needs DATA"):
        run("--to-ppl", 3)
