"""The autoencoder, whole and step by step, and its graphs."""

import numpy as np
import pytest
import torch
from pianogenie_train.config import Config
from pianogenie_train.graphs import DecoderStep
from pianogenie_train.model import Autoencoder, delta_time_bins, keys_before
from pianogenie_train.players import Player, TorchPlayer

SIZES = [(2, 8), (1, 4), (3, 10)]


def played(batch: int, notes: int, num_buttons: int):
    rng = np.random.default_rng(1)
    delta_times = rng.exponential(0.2, (batch, notes)).astype(np.float32)
    delta_times[:, 0] = 1e6
    delta_times[0, 3::17], delta_times[0, 4::17], delta_times[0, 5::17] = 0, 1e-7, 30
    return rng.integers(0, 88, (batch, notes)), delta_times, rng.integers(0, num_buttons, (batch, notes))


def step_by_step(player: Player, keys, delta_times, buttons):
    state, logits = player.start(len(keys)), []
    prev_key = np.full(len(keys), 88)
    for n in range(keys.shape[1]):
        found, state = player.step(prev_key, delta_times[:, n], buttons[:, n], state)
        prev_key = keys[:, n]
        logits.append(found)
    return np.stack(logits, axis=1)


def model_of(layers: int, num_buttons: int) -> Autoencoder:
    torch.manual_seed(layers)
    return Autoencoder(Config(rnn_dim=24, rnn_layers=layers, num_buttons=num_buttons)).eval()


def test_delta_times_are_binned_at_31_25_a_second():
    seconds = torch.tensor([0.0, 0.015, 0.017, 0.256, 1.0, 1.02, 1.1, 1e6])
    assert delta_time_bins(seconds).tolist() == [0, 0, 1, 8, 31, 32, 32, 32]


def test_the_first_note_has_no_key_before_it():
    assert keys_before(torch.tensor([[3, 4, 5]])).tolist() == [[88, 3, 4]]


@pytest.mark.parametrize("layers, num_buttons", SIZES)
def test_decoding_step_by_step_is_decoding_whole_windows(layers, num_buttons):
    player = TorchPlayer(model_of(layers, num_buttons))
    window = played(3, 20, num_buttons)
    assert np.abs(step_by_step(player, *window) - player.logits(*window)).max() < 1e-5


def test_a_note_has_no_say_in_what_was_before_it():
    player = TorchPlayer(model_of(2, 8))
    keys, delta_times, buttons = played(2, 12, 8)
    before = player.logits(keys, delta_times, buttons)
    keys[:, 8], delta_times[:, 9], buttons[:, 9] = 0, 0.9, 0
    after = player.logits(keys, delta_times, buttons)
    assert np.array_equal(before[:, :9], after[:, :9])
    assert not np.allclose(before[:, 9], after[:, 9])


def test_gradients_reach_both_halves():
    model = model_of(2, 8).train()
    reading = model(*(torch.from_numpy(a) for a in played(2, 10, 8)[:2]))
    reading.logits.square().mean().backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in model.parameters())
    assert model.encoder.output.weight.grad.abs().sum() > 0


def test_a_step_of_another_size_has_another_state():
    assert DecoderStep(model_of(3, 8).decoder, 8).state_size == 2 * 3 * 24
