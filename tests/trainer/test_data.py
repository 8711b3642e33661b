"""Windows of notes: what training sees and what scores are made on."""

import itertools
import json
import shutil

import numpy as np
import pytest
import torch
from pianogenie_train import hands, loop
from pianogenie_train.config import Config
from pianogenie_train.data import Prepared, RandomBatches, whole_windows

from pianogenie.errors import UserError


def test_validation_is_all_whole_windows_from_a_fresh_start(data):
    prepared = Prepared(data)
    batches = list(whole_windows(prepared, "validation", 128, 2))
    keys = np.concatenate([b.keys.numpy() for b in batches])
    (start,), (length,) = prepared.pieces("validation")
    assert len(keys) == length // 128 == 2
    assert keys.ravel().tolist() == prepared.keys[start : start + 256].tolist()
    delta_times = np.concatenate([b.delta_times.numpy() for b in batches])
    assert (delta_times[:, 0] == 1e6).all()
    assert delta_times[1, 1:] == pytest.approx(np.diff(prepared.onsets[start + 128 : start + 256]), abs=1e-6)


def test_hands_play_validation_too_one_rule_after_another(data):
    (batch,) = whole_windows(Prepared(data), "validation", 64, 16, num_buttons=8)
    assert batch.hands.shape == batch.keys.shape == (4, 64)
    keys, delta_times = batch.keys.numpy(), batch.delta_times.numpy()
    first, third = hands.RULES[0], hands.RULES[2]  # those who never slip
    for window, rule in ((0, first), (2, third)):
        alone = hands.buttons_of(rule, keys[[window]], delta_times[[window]], 8, np.random.default_rng(9))
        assert batch.hands[window].tolist() == alone[0].tolist()
    (again,) = whole_windows(Prepared(data), "validation", 64, 16, num_buttons=8)
    assert torch.equal(batch.hands, again.hands)


def test_a_batch_is_a_function_of_seed_and_step(data):
    prepared, config = Prepared(data), Config(batch_size=4, window=16)
    straight = list(itertools.islice(RandomBatches(prepared, config), 6))
    resumed = list(itertools.islice(RandomBatches(prepared, config, first_step=3), 3))
    for a, b in zip(straight[3:], resumed, strict=True):
        assert (a.keys == b.keys).all() and (a.delta_times == b.delta_times).all()
    other = RandomBatches(prepared, config.but(seed=1)).batch(0)
    assert not (other.keys == straight[0].keys).all()


def test_augmentation_keeps_intervals_and_the_keyboard(data):
    prepared = Prepared(data)
    plain = Config(batch_size=64, window=16, transpose_max=0, stretch_max=0)
    varied = plain.but(transpose_max=87, stretch_max=0.05)
    shifts, stretches = set(), []
    for step in range(4):
        a, b = RandomBatches(prepared, plain).batch(step), RandomBatches(prepared, varied).batch(step)
        assert (a.keys.diff(dim=1) == b.keys.diff(dim=1)).all()  # the same places, drawn before the rest
        assert b.keys.min() >= 0 and b.keys.max() <= 87
        shifts |= set((b.keys - a.keys)[:, 0].tolist())
        ratio = b.delta_times[:, 1:].sum(dim=1) / a.delta_times[:, 1:].sum(dim=1)
        stretches += ratio.tolist()
    assert len(shifts) > 20
    assert 0.95 <= min(stretches) < 0.97 and 1.03 < max(stretches) <= 1.0501


def test_windows_never_cross_from_piece_to_piece(data):
    prepared = Prepared(data)
    config = Config(batch_size=256, window=16, transpose_max=0, stretch_max=0)
    batch = RandomBatches(prepared, config).batch(0)
    assert (batch.delta_times[:, 1:] >= 0).all()  # onsets start again with each piece


def test_too_little_data_is_said(data):
    with pytest.raises(UserError, match="no training piece has 5000 notes"):
        RandomBatches(Prepared(data), Config(window=5000))


@pytest.mark.parametrize("fault", ["missing", "junk", "version", "short"])
def test_a_folder_that_is_no_data_is_told(data, tmp_path, fault):
    copy = tmp_path / "data"
    shutil.copytree(data, copy)
    facts = json.loads((copy / "data.json").read_text())
    if fault == "missing":
        (copy / "data.json").unlink()
    elif fault == "junk":
        (copy / "data.json").write_text("{")
    elif fault == "version":
        (copy / "data.json").write_text(json.dumps({**facts, "format": "pianogenie-data/9"}))
    else:
        np.save(copy / "keys.npy", np.zeros(3, np.uint8))
    with pytest.raises(UserError, match=str(copy)) as caught:
        Prepared(copy)
    assert "\n" not in str(caught.value)


def test_batches_made_by_other_processes_are_the_same(data):
    config = Config(network="gated", window=32, batch_size=4, hand_share=0.5, tune_share=0.5)
    batches = RandomBatches(Prepared(data), config, first_step=7)
    made = iter(loop._loader(batches, makers=2))
    for step in range(7, 12):
        for ours, theirs in zip(batches.batch(step), next(made), strict=True):
            assert torch.equal(ours, theirs)
