"""The genie: what it picks, how freely, and that it repeats itself."""

import numpy as np
import pytest

from pianogenie.genie import DEFAULT_VELOCITY, Genie
from pianogenie.model import load_model
from tests.toymodel import button_key, write_model


def test_cold_it_plays_the_most_likely_key(toy_model):
    genie = Genie(load_model(toy_model), temperature=0)
    assert [genie.press(b, b * 0.1)[0] for b in range(8)] == [button_key(b) for b in range(8)]


def test_the_share_of_each_key_follows_the_temperature(tmp_path):
    """Logits fall by 1 a semitone: at temperature 0.5 a neighbour is exp(-2) times as likely."""
    model = load_model(write_model(tmp_path / "m", spread=1.0))
    genie = Genie(model, temperature=0.5, seed=1)
    keys = np.array([genie.press(4, i * 0.1)[0] for i in range(20_000)])
    best = button_key(4)
    ratio = (keys == best + 1).sum() / (keys == best).sum()
    assert ratio == pytest.approx(np.exp(-2), rel=0.1)


def test_the_same_seed_plays_the_same_and_another_does_not(tmp_path):
    model = load_model(write_model(tmp_path / "m", spread=0.5))

    def play(seed):
        genie = Genie(model, temperature=1, seed=seed)
        return [genie.press(i % 8, i * 0.1) for i in range(50)]

    assert play(3) == play(3) != play(4)


def test_a_seed_is_drawn_and_kept_where_none_is_given(toy_model):
    model = load_model(toy_model)
    assert Genie(model).seed != Genie(model).seed


def test_velocity_is_the_players_then_the_models_then_a_constant(tmp_path, toy_model):
    plain = Genie(load_model(toy_model), temperature=0)
    assert plain.press(0, 0.0, 33)[1] == 33
    assert plain.press(0, 0.1)[1] == DEFAULT_VELOCITY
    touched = Genie(load_model(write_model(tmp_path / "m", velocity=True)), temperature=0)
    assert touched.press(2, 0.0, 33)[1] == 33
    assert touched.press(2, 0.1)[1] == round(50 + button_key(2) / 2)


def test_a_clock_that_goes_back_is_no_time_at_all(toy_model):
    genie = Genie(load_model(toy_model), temperature=0)
    genie.press(0, 5.0)
    assert genie.press(1, 4.0)[0] == button_key(1)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("temperature", [0, 1e-300, 1e-40, 1e-7])
def test_next_to_no_temperature_is_the_likeliest_key(toy_model, temperature):
    genie = Genie(load_model(toy_model), temperature, seed=1)
    assert [genie.press(b, b * 0.1)[0] for b in range(8)] == [button_key(b) for b in range(8)]
