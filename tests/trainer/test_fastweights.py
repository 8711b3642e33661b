"""The fast weights: what is found in them, and that all at once is one note after the other."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pianogenie_train import fastweights
from pianogenie_train.fastweights import FastWeights, recall


@pytest.fixture(autouse=True, scope="module")
def short_spans():
    """So that a few notes are more than one of them."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(fastweights, "_SPAN", 3)
        yield


def inputs(notes, batch=2, heads=3, address=4, content=5):
    torch.manual_seed(notes)
    asked, written = (torch.randn(notes, batch, heads, 1, address, dtype=torch.double) for _ in range(2))
    decay = torch.tensor([0.5, 0.9, 0.99], dtype=torch.double)[:heads, None, None]
    return asked, written, torch.randn(notes, batch, heads, 1, content, dtype=torch.double), decay


def one_after_the_other(asked, written, content, decay):
    found, matrix = [], torch.zeros(())
    for q, k, v in zip(asked, written, content, strict=True):
        matrix = decay * matrix + k.transpose(-1, -2) * v
        found.append(q @ matrix)
    return torch.stack(found)


@given(st.integers(1, 20), st.integers(1, 3))
def test_all_at_once_is_one_note_after_the_other(notes, batch):
    written = inputs(notes, batch)
    assert torch.allclose(recall(*written), one_after_the_other(*written), atol=1e-9)


def test_what_was_written_is_found_where_it_was_written_and_fades():
    here, elsewhere = torch.eye(4)[:2]
    said = torch.tensor([1.0, 2.0, 3.0])
    asked = torch.stack([here, elsewhere, here])[:, None, None, None]
    written = torch.stack([here, elsewhere, elsewhere])[:, None, None, None]
    content = torch.stack([said, -said, 0 * said])[:, None, None, None]
    found = recall(asked, written, content, torch.tensor([[[0.5]]]))[:, 0, 0, 0]
    assert torch.equal(found, torch.stack([said, -said, said / 4]))


def test_its_gradient_is_that_of_numerical_differences():
    assert torch.autograd.gradcheck(recall, [x.requires_grad_() for x in inputs(8, batch=1)])


def test_an_address_is_of_the_moment_before():
    """So a moment that is like an earlier one finds what followed that, the moment itself not being known yet."""
    torch.manual_seed(0)
    memory = FastWeights(6, 2)
    moments = torch.randn(3, 1, 6)
    asked, next_written, content = memory.read(moments)
    assert torch.allclose(asked.norm(dim=-1), torch.tensor(1.0), atol=1e-3)
    found = memory(moments)
    assert not found[0].any(), "nothing came before the first"
    alike = (asked[1] * next_written[0]).sum(-1, keepdim=True)
    assert torch.allclose(found[1].view(1, 2, 1, -1), alike * content[1], atol=1e-6)


def test_a_step_at_a_time_is_a_whole_window():
    torch.manual_seed(1)
    memory = FastWeights(6, 2)
    window = torch.randn(10, 3, 6)
    kept = [torch.zeros(3, size) for size in memory.kept]
    for normed, wanted in zip(window, memory(window), strict=True):
        found, *kept = memory.step(normed, *kept, memory.decay())
        assert torch.allclose(found, wanted, atol=1e-6)
