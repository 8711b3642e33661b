"""The autoencoder, whole and step by step, and its graphs."""

import numpy as np
import pytest
import torch
from pianogenie_train import losses
from pianogenie_train.config import CONFIGURATIONS, Config
from pianogenie_train.data import Batch
from pianogenie_train.fastweights import ADDRESS, CONTENT
from pianogenie_train.gated import REACH, beside_the_last, near_table
from pianogenie_train.model import Autoencoder, delta_time_bins, keys_before
from pianogenie_train.players import Player, TorchPlayer
from pianogenie_train.steps import one_step

from pianogenie.keys import NUM_KEYS

SIZES = [
    ("lstm", 2, 8),
    ("lstm", 1, 4),
    ("lstm", 3, 10),
    ("gated", 2, 8),
    ("gated with a memory", 2, 8),
    ("gated", 1, 4),
    ("gated with a memory", 3, 10),
]


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


def model_of(network: str, layers: int, num_buttons: int) -> Autoencoder:
    torch.manual_seed(layers)
    network, with_memory, _ = network.partition(" with a memory")
    config = Config(network=network, rnn_dim=24, rnn_layers=layers, encoder_layers=2, num_buttons=num_buttons)
    return Autoencoder(config.but(memories=3 if with_memory else 0)).eval()


def test_delta_times_are_binned_at_31_25_a_second():
    seconds = torch.tensor([0.0, 0.015, 0.017, 0.256, 1.0, 1.02, 1.1, 1e6])
    assert delta_time_bins(seconds).tolist() == [0, 0, 1, 8, 31, 32, 32, 32]


def test_the_first_note_has_no_key_before_it():
    assert keys_before(torch.tensor([[3, 4, 5]])).tolist() == [[88, 3, 4]]


@pytest.mark.parametrize("network, layers, num_buttons", SIZES)
def test_decoding_step_by_step_is_decoding_whole_windows(network, layers, num_buttons):
    player = TorchPlayer(model_of(network, layers, num_buttons))
    window = played(3, 20, num_buttons)
    assert np.abs(step_by_step(player, *window) - player.hear(*window)[0]).max() < 5e-5


@pytest.mark.parametrize("network", ["lstm", "gated", "gated with a memory"])
def test_a_note_has_no_say_in_what_was_before_it(network):
    player = TorchPlayer(model_of(network, 2, 8))
    keys, delta_times, buttons = played(2, 12, 8)
    before = player.hear(keys, delta_times, buttons)[0]
    keys[:, 8], delta_times[:, 9], buttons[:, 9] = 0, 0.9, 0
    after = player.hear(keys, delta_times, buttons)[0]
    assert np.array_equal(before[:, :9], after[:, :9])
    assert not np.allclose(before[:, 9], after[:, 9])


def test_gradients_reach_the_memory():
    model = model_of("gated with a memory", 2, 8).train()
    reading = model(*(torch.from_numpy(a) for a in played(2, 10, 8)[:2]))
    reading.logits.square().mean().backward()
    memory = model.decoder.blocks[1].memory
    assert all(p.grad.abs().sum() > 0 for p in memory.parameters()) and model.decoder.blocks[0].memory is None


def test_gradients_reach_both_halves():
    model = model_of("lstm", 2, 8).train()
    reading = model(*(torch.from_numpy(a) for a in played(2, 10, 8)[:2]))
    reading.logits.square().mean().backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in model.parameters())
    assert model.encoder.output.weight.grad.abs().sum() > 0


def test_notes_teach_chances_and_tunes_teach_how_they_are_shared_out():
    """So what a note costs cannot be lowered by sharing out buttons otherwise than people would."""
    model = model_of("gated", 2, 8).train()
    keys, delta_times, buttons = (torch.from_numpy(a) for a in played(2, 10, 8))
    expected = model.decoder.expect(keys_before(keys), delta_times)
    leanings = model.decoder.known.weight[NUM_KEYS : 2 * NUM_KEYS]
    heard, _ = model.decoder.listen(expected, keys_before(keys), delta_times, buttons)
    (slope,) = torch.autograd.grad(losses.reconstruction(heard, keys), model.decoder.known.weight, retain_graph=True)
    assert not slope[NUM_KEYS : 2 * NUM_KEYS].any() and slope[:NUM_KEYS].any()
    tapped = losses.tapped(model.decoder.places(expected, keys, buttons), buttons)
    (slope,) = torch.autograd.grad(tapped, model.decoder.known.weight)
    assert slope.shape[0] > len(leanings) and slope[NUM_KEYS : 2 * NUM_KEYS].any() and not slope[:NUM_KEYS].any()


def test_a_step_of_another_size_has_another_state():
    assert one_step(model_of("lstm", 3, 8)).state_size == 2 * 3 * 24
    model = model_of("gated with a memory", 3, 8)
    bank, press = 2 * model.decoder.bank.num_hands, 4 + 88 + 3
    memory = 3 * ADDRESS * (CONTENT + 1)
    assert one_step(model).state_size == 3 * 24 + memory + bank + press


def test_hands_take_the_encoders_place_in_their_windows_alone():
    model = model_of("gated", 2, 8)
    keys, delta_times, hands = (torch.from_numpy(a) for a in played(4, 12, 8))
    alone = model(keys, delta_times).logits
    mixed = model(keys, delta_times, hands[:1]).logits
    assert torch.equal(alone[1:], mixed[1:])
    assert torch.allclose(mixed[:1], model.hear(keys[:1], delta_times[:1], hands[:1])[0], atol=1e-5)


def test_what_is_said_of_intervals_lies_around_the_key_before():
    logits = torch.zeros(1, 4, NUM_KEYS)
    intervals = torch.arange(-REACH, REACH + 1.0).expand(1, 4, -1)  # each says how far it is
    found = beside_the_last(logits, intervals, near_table()[torch.tensor([[40, 0, 87, 88]])])
    distance = torch.arange(NUM_KEYS) - torch.tensor([40, 0, 87, 88])[:, None]
    assert torch.equal(found[0], torch.where(distance.abs() <= REACH, distance, 0).float())


def test_tunes_are_learnt_from_beside_the_windows():
    model = model_of("gated", 2, 8)
    keys, delta_times, hands = (torch.from_numpy(a) for a in played(4, 12, 8))
    tune = tuple(torch.from_numpy(a) for a in played(2, 7, 8))
    batch = Batch(keys, delta_times, keys.float(), hands[:1], *tune)
    reading = model.learn_from(batch)
    assert reading.buttons.shape == (3, 12) and reading.logits.shape == (4, 12, 88)
    assert reading.tune_places.shape == (2, 7) and torch.equal(reading.tune_logits, model.hear(*tune)[0])
    found = losses.terms(CONFIGURATIONS["genie"], reading, batch)
    assert {"reconstruction", "known", "leanings", "tunes", "tune notes", "tunes known"} <= set(found)
    without = model.learn_from(batch._replace(tune_keys=keys[:0], tune_delta_times=delta_times[:0]))
    assert without.tune_places is None and torch.equal(without.logits, reading.logits)
