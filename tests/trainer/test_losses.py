"""The losses against values worked out by hand, and the quantiser with its gradient."""

import math

import pytest
import torch
from pianogenie_train import losses
from pianogenie_train.quantiser import button_of, straight_through, value_of


def test_reconstruction_of_even_logits_is_the_log_of_88():
    loss = losses.reconstruction(torch.zeros(2, 3, 88), torch.zeros(2, 3, dtype=torch.int64))
    assert loss.item() == pytest.approx(math.log(88))


def test_a_perplexity_ends_where_a_float_does():
    assert losses.perplexity(math.log(88)) == pytest.approx(88)
    assert losses.perplexity(1e6) == math.inf


def test_reconstruction_is_a_mean_over_notes():
    logits = torch.zeros(1, 2, 88)
    logits[0, 0, 5] = math.log(87)  # the true key as likely as all others together: ln 2
    loss = losses.reconstruction(logits, torch.tensor([[5, 7]]))
    assert loss.item() == pytest.approx((math.log(2) + math.log(88)) / 2, rel=1e-6)


def test_margin_counts_only_what_lies_outside():
    # 0, 0.5 and 1 lie inside; 1.5 is 0.5 outside, -3 is 2 outside: (0.25 + 4) / 5
    assert losses.margin(torch.tensor([[0, 0.5, 1, 1.5, -3]])).item() == pytest.approx(0.85)


def test_contour_wants_both_to_go_the_same_way():
    keys = torch.tensor([[40, 42, 42, 41]])
    e = torch.tensor([[0.0, 0.25, 0.5, 0.75]])
    # products 2 x 0.25 = 0.5, 0, -0.25; what is short of 1, squared: 0.25, 1, 1.5625
    assert losses.contour(keys, e).item() == pytest.approx((0.25 + 1 + 1.5625) / 3)
    assert losses.contour(torch.tensor([[40, 50]]), torch.tensor([[0.0, 0.2]])).item() == 0


def test_tapped_is_measured_in_buttons():
    places = torch.tensor([[0.0, 7.0, 4.5]])
    assert losses.tapped(places, torch.tensor([[0, 7, 2]])).item() == pytest.approx(2.5**2 / 3)


def test_dynamics_looks_at_the_true_keys_alone():
    velocities = torch.zeros(1, 2, 88)
    velocities[0, 0, 3], velocities[0, 1, 5] = 60, 80
    loss = losses.dynamics(velocities, torch.tensor([[3, 5]]), torch.tensor([[60.0, 40.0]]))
    assert loss.item() == pytest.approx((0 + (40 / losses.VELOCITY_SPREAD) ** 2) / 2)


def test_buttons_stand_evenly():
    assert value_of(torch.arange(5), 5).tolist() == [-1, -0.5, 0, 0.5, 1]
    assert button_of(torch.tensor([-9, -1, -0.76, -0.74, 0, 0.74, 1, 9]), 5).tolist() == [0, 0, 0, 1, 2, 3, 4, 4]
    for count in (2, 4, 8, 10):
        assert button_of(value_of(torch.arange(count), count), count).tolist() == list(range(count))


def test_the_gradient_passes_straight_through():
    e = torch.tensor([-2.0, -0.3, 0.1, 5.0], requires_grad=True)
    values = straight_through(e, 8)
    assert torch.allclose(values, value_of(button_of(e, 8), 8))
    weights = torch.tensor([1.0, -2.0, 3.0, 4.0])
    (values * weights).sum().backward()
    assert torch.equal(e.grad, weights)
