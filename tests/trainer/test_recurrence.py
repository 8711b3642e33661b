"""The gated linear recurrence: two orders of the same sum, and its gradient."""

import torch
from hypothesis import given
from hypothesis import strategies as st
from pianogenie_train.recurrence import by_doubling, scan, step_by_step


def inputs(notes, batch=2, dim=3):
    torch.manual_seed(notes)
    return torch.rand(notes, batch, dim, dtype=torch.double), torch.randn(notes, batch, dim, dtype=torch.double)


def test_by_hand():
    a = torch.tensor([0.9, 0.5, 0.25])[:, None, None]
    v = torch.tensor([1.0, 2.0, 3.0])[:, None, None]
    assert scan(a, v)[:, 0, 0].tolist() == [1.0, 2.5, 3.625]  # 2 + 0.5 * 1, 3 + 0.25 * 2.5


@given(st.integers(1, 70))
def test_both_orders_agree(notes):
    a, v = inputs(notes)
    assert torch.allclose(step_by_step(a, v), by_doubling(a, v), atol=1e-12)


def test_its_gradient_is_that_of_numerical_differences():
    a, v = inputs(6)
    assert torch.autograd.gradcheck(scan, (a.requires_grad_(), v.requires_grad_()))


def test_it_leaves_its_inputs_alone():
    a, v = inputs(5)
    before = v.clone()
    scan(a, v)
    assert torch.equal(v, before)
