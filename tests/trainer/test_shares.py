"""The code of our own network: how buttons are shared out among what may come."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pianogenie_train import shares

from pianogenie.keys import NO_KEY, NUM_KEYS

from .test_model import model_of, played

ALIKE = torch.full((NUM_KEYS,), 1 / NUM_KEYS)


def places(weights: torch.Tensor, prev_key: int, button: int | None, num_buttons: int = 8) -> np.ndarray:
    here = torch.tensor([shares.NOWHERE if button is None else float(button)])
    found = shares.spread(weights[None], torch.tensor([prev_key]), shares.ways_table()).places(
        here[:, None], num_buttons
    )
    return found[0].numpy()


def nearest(found: np.ndarray) -> np.ndarray:
    return np.floor(found + 0.5).astype(int)


def test_before_the_first_press_the_whole_row_is_shared_out_evenly():
    assert nearest(places(ALIKE, NO_KEY, None)).tolist() == [key // 11 for key in range(88)]


def test_the_key_before_stays_and_the_others_share_what_lies_beyond_it():
    found = places(ALIKE, 40, 4)
    assert found[40] == 4 and found[0] == pytest.approx(-0.5, abs=0.1) and found[87] == pytest.approx(7.5, abs=0.1)
    buttons = nearest(found)
    above = np.bincount(buttons[41:], minlength=8)[5:]
    assert np.ptp(above) <= 1, "the buttons above get as many keys each"


def test_what_is_likely_gets_buttons_to_itself():
    weights = torch.full((NUM_KEYS,), 1e-4)
    weights[[42, 44, 45]] = 1.0  # three keys that may come, above 40
    buttons = nearest(places(weights / weights.sum(), 40, 4))
    assert buttons[[42, 44, 45]].tolist() == [5, 6, 7]


def weighted() -> st.SearchStrategy[torch.Tensor]:
    some = st.floats(-30, 30, width=32)
    return st.lists(some, min_size=NUM_KEYS, max_size=NUM_KEYS).map(lambda found: torch.tensor(found).softmax(0))


@settings(max_examples=200, deadline=None)
@given(weighted(), st.integers(0, NUM_KEYS), st.integers(2, 12), st.data())
def test_the_row_goes_up_and_down_as_the_keyboard_does(weights, prev_key, num_buttons, data):
    button = None if prev_key == NO_KEY else data.draw(st.integers(0, num_buttons - 1))
    found = places(weights, prev_key, button, num_buttons)
    assert np.isfinite(found).all() and found.min() >= -0.501 and found.max() <= num_buttons - 0.499
    assert (np.diff(found) >= -1e-4).all(), "a higher key never lies lower"
    if button is not None:
        assert found[prev_key] == button
        assert (found[prev_key + 1 :] >= button + shares.STEP).all(), "never against the contour"
        assert (found[:prev_key] <= button - shares.STEP).all()


def test_the_code_never_moves_against_the_notes():
    for num_buttons in (4, 8, 10):
        model = model_of("gated", 2, num_buttons)
        keys, delta_times, _ = played(5, 60, num_buttons)
        buttons = model.buttons(torch.from_numpy(keys), torch.from_numpy(delta_times)).numpy()
        assert buttons.min() >= 0 and buttons.max() < num_buttons
        ways = np.sign(np.diff(keys, axis=1))
        assert (ways * np.diff(buttons, axis=1) >= 0).all()
        assert (np.diff(buttons, axis=1)[ways == 0] == 0).all(), "a repeated key is a repeated button"


def test_the_encoder_begins_where_it_will_have_room():
    model = model_of("gated", 2, 8)
    keys = torch.tensor([[40, 44, 47, 52, 60], [60, 52, 47, 44, 40], [47, 60, 40, 52, 44]])
    first = model.buttons(keys, torch.full(keys.shape, 0.25))[:, 0].tolist()
    assert first == [0, 7, 2], "as far up the row as the first note is among all of them"
    assert model.buttons(keys[:, :1], torch.full((3, 1), 0.25)).tolist() == [[4]] * 3, "a note alone is in the middle"


def test_the_code_says_nearly_as_much_as_it_could():
    """Of keys that are all as likely, and none before, a button of eight says ln 8."""
    often = np.bincount(nearest(places(ALIKE, NO_KEY, None)), minlength=8) / NUM_KEYS
    assert -(often * np.log(often)).sum() == pytest.approx(math.log(8))
