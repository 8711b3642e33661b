"""Muon: matrices turn evenly, whatever the gradient; the rest is AdamW's."""

import copy

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pianogenie_train import config
from pianogenie_train.muon import MOMENTUM, SIZE, Muon, evened
from pianogenie_train.training import Training


@given(st.integers(1, 40), st.integers(1, 40), st.floats(1e-3, 1e3), st.integers(0, 2**31))
def test_all_directions_of_a_matrix_come_out_about_alike_and_where_they_were(rows, columns, scale, seed):
    turns = torch.Generator().manual_seed(seed)
    u, _, v = torch.linalg.svd(torch.randn(rows, columns, generator=turns), full_matrices=False)
    strengths = torch.logspace(0, -1.5, min(rows, columns))
    new = evened(scale * (u * strengths) @ v)
    assert new.shape == (rows, columns)
    along = u.T @ new @ v.T
    assert along.diagonal().min() > 0.6 and along.diagonal().max() < 1.3
    assert (along - along.diagonal().diag()).abs().max() < 1e-3


def test_a_gradient_of_nothing_stays_nothing():
    assert torch.equal(evened(torch.zeros(4, 6)), torch.zeros(4, 6))


def test_a_first_step_is_of_the_size_of_adams_and_goes_against_the_gradient():
    torch.manual_seed(1)
    matrix, bias = torch.nn.Parameter(torch.randn(48, 16)), torch.nn.Parameter(torch.randn(16))
    before = matrix.detach().clone(), bias.detach().clone()
    optimiser = Muon([(matrix, 3)], [{"params": [bias]}], lr=0.01, weight_decay=0.0)
    gradient = torch.randn(48, 16)
    matrix.grad, bias.grad = gradient.clone(), torch.randn(16)
    optimiser.step()
    moved = before[0] - matrix.detach()
    assert moved.square().mean().sqrt() == pytest.approx(SIZE * 0.01, rel=0.2)
    # Three maps one above the other, each turned by itself.
    for part, grad in zip(moved.split(16), gradient.split(16), strict=True):
        strengths = torch.linalg.svdvals(part)
        assert strengths.max() < 2.5 * strengths.min() and (part * grad).sum() > 0
    assert (before[1] - bias.detach()).abs() == pytest.approx(torch.full((16,), 0.01), rel=1e-3)  # Adam's first step


def test_the_matrices_remember_where_they_were_going():
    matrix = torch.nn.Parameter(torch.zeros(4, 4))
    optimiser = Muon([(matrix, 1)], [{"params": [torch.nn.Parameter(torch.zeros(1))]}], lr=1.0, weight_decay=0.0)
    first, second = torch.diag(torch.tensor([1.0, 0, 0, 0])), torch.diag(torch.tensor([0, 1.0, 0, 0]))
    for gradient in (first, second):
        before = matrix.detach().clone()
        matrix.grad = gradient
        optimiser.step()
    moved = (before - matrix.detach()).diagonal()
    mean = (1 - MOMENTUM) * (MOMENTUM * first + second)
    expected = evened((1 - MOMENTUM) * second + MOMENTUM * mean).diagonal() * SIZE * 2
    assert torch.allclose(moved, expected) and moved[0] > 0.01


def test_weights_decay_and_the_gradient_is_spent():
    matrix = torch.nn.Parameter(torch.ones(4, 4))
    optimiser = Muon([(matrix, 1)], [{"params": [torch.nn.Parameter(torch.zeros(1))]}], lr=0.1, weight_decay=0.5)
    matrix.grad = torch.zeros(4, 4)
    optimiser.step()
    assert torch.allclose(matrix.detach(), torch.full((4, 4), 0.95)) and matrix.grad is None


def test_what_it_remembers_is_part_of_its_state():
    def begin():
        matrix, other = torch.nn.Parameter(torch.ones(4, 4)), torch.nn.Parameter(torch.ones(3))
        return matrix, other, Muon([(matrix, 1)], [{"params": [other]}], lr=0.1)

    def learn(matrix, other, optimiser, seed):
        torch.manual_seed(seed)
        matrix.grad, other.grad = torch.randn(4, 4), torch.randn(3)
        optimiser.step()

    one, two = begin(), begin()
    learn(*one, 0)
    two[2].load_state_dict(copy.deepcopy(one[2].state_dict()))
    with torch.no_grad():
        two[0].copy_(one[0]), two[1].copy_(one[1])
    learn(*one, 1)
    learn(*two, 1)
    assert torch.equal(one[0], two[0]) and torch.equal(one[1], two[1])


def test_the_genie_learns_by_it_but_for_its_tables():
    training = Training(config.named("genie").but(rnn_dim=8))
    optimiser = training.configure_optimizers()
    matrices, tables, numbers = (group["params"] for group in optimiser.param_groups)
    names = {id(parameter): name for name, parameter in training.model.named_parameters()}
    turned = {names[id(m)].removeprefix("decoder.") for m in matrices}
    assert isinstance(optimiser, Muon)
    assert {name.split(".")[0] for name in turned} == {"blocks", "into_known", "known", "into_head", "output"}
    assert {"blocks.0.into.weight", "blocks.1.out.weight", "blocks.1.memory.into.weight"} <= turned
    assert all(m.ndim == 2 for m in (*matrices, *tables)) and all(n.ndim == 1 for n in numbers)
    assert sorted(names.values()) == sorted(names[id(p)] for p in (*matrices, *tables, *numbers))
    assert type(Training(config.named("paper").but(rnn_dim=8)).configure_optimizers()) is torch.optim.AdamW


@pytest.mark.parametrize("name", ["genie", "paper"])
def test_how_long_channels_remember_does_not_decay(name):
    training = Training(config.named(name).but(rnn_dim=8, weight_decay=0.5))
    before = {key: value.detach().clone() for key, value in training.model.named_parameters()}
    optimiser = training.configure_optimizers()
    for parameter in training.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimiser.step()
    for key, value in training.model.named_parameters():
        stayed = torch.equal(value, before[key])
        assert stayed == (value.ndim < 2 or not before[key].any()), key
