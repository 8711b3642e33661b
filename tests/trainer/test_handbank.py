"""The bank of hands: who it takes to be playing, and what the next button means to them."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pianogenie_train import hands
from pianogenie_train.handbank import CHORD_S, Followed, HandBank
from pianogenie_train.handbank import hands as hands_of
from pianogenie_train.model import keys_before

RULES = {rule.name: rule for rule in hands.RULES}


def heard(rule: hands.HandRule, keys: np.ndarray, delta_times: np.ndarray | None = None, num_buttons: int = 8):
    """What a bank makes of the buttons of a rule: those buttons [B, N], and its places [B, N, 88] before each."""
    delta_times = np.full(keys.shape, 0.2) if delta_times is None else delta_times
    buttons = hands.buttons_of(rule, keys, delta_times, num_buttons, np.random.default_rng(0))
    bank = HandBank(num_buttons)
    prev_keys, times, pressed = keys_before(torch.from_numpy(keys)), torch.from_numpy(delta_times), buttons.copy()
    with torch.no_grad():
        guess = bank(prev_keys.T, times.T.to(torch.float32), torch.from_numpy(pressed).T)
    return buttons, (guess.places + bank.middle).transpose(0, 1).numpy()


def music(windows: int = 6, notes: int = 120) -> np.ndarray:
    """Keys int64 [B, N] that wander about."""
    rng = np.random.default_rng(3)
    return np.clip(45 + np.cumsum(rng.integers(-5, 6, (windows, notes)), axis=1), 10, 77)


def surprise(buttons: np.ndarray, places: np.ndarray, keys: np.ndarray) -> float:
    """How far off its button, in buttons, a key that was played is on average, beyond half a button."""
    own = np.take_along_axis(places, keys[..., None], axis=2)[..., 0]
    return float(np.maximum(np.abs(own - buttons) - 0.5, 0).mean())


@pytest.mark.parametrize("name", ["map", "broad map", "steps", "lazy"])
def test_whoever_plays_is_found_out(name):
    keys = music()
    buttons, places = heard(RULES[name], keys)
    at_first, later = (slice(None), slice(1, 9)), (slice(None), slice(40, None))
    off = surprise(buttons[later], places[later], keys[later])
    assert off < 0.1
    assert off < surprise(buttons[at_first], places[at_first], keys[at_first])


def test_a_hand_that_moves_away_is_followed():
    """Nobody in the bank begins an octave off the first note."""
    keys = music()
    buttons, places = heard(hands.HandRule("off", semitones=3.0, follow=0.01, start=12.0, strict=False), keys)
    assert surprise(buttons[:, 60:], places[:, 60:], keys[:, 60:]) < 0.06


def test_chords_are_known_by_their_times():
    keys, delta_times = music(), np.full((6, 120), 0.2)
    delta_times[:, 1::2] = CHORD_S / 2
    buttons, places = heard(RULES["chords"], keys, delta_times)
    apart, chords = np.arange(60, 120, 2), np.arange(61, 120, 2)
    for which in (apart, chords):
        assert surprise(buttons[:, which], places[:, which], keys[:, which]) < 0.3
    assert reach(places, keys, chords) < 2 < reach(places, keys, apart), "a chord's next key is a button or so away"


def reach(places: np.ndarray, keys: np.ndarray, notes: np.ndarray) -> float:
    """How far, in buttons, the places of keys ten semitones up are from that of the key before, on average."""
    before = keys[:, notes - 1]
    own, up = (np.take_along_axis(places[:, notes], (before + more)[..., None], axis=2) for more in (0, 10))
    return float((up - own).mean())


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 12), st.integers(0, 2**32 - 1))
def test_a_higher_key_never_lies_lower(num_buttons, seed):
    rng = np.random.default_rng(seed)
    keys = rng.integers(0, 88, (2, 25))
    _, places = heard(hands.draw(2, rng), keys, rng.exponential(0.3, keys.shape), num_buttons)
    assert np.isfinite(places).all() and (np.diff(places, axis=2) > -1e-4).all()
    assert places.min() >= -0.41 and places.max() <= num_buttons - 0.59


def test_before_the_first_note_nobody_is_likelier_and_nothing_is_known():
    bank = HandBank(8)
    lies, misses = bank.follow(torch.tensor([[88]]), torch.tensor([[1e6]]), torch.tensor([[5]]))
    assert not lies.any() and not misses.any()
    believed = bank.believed(misses)
    assert torch.allclose(believed, torch.full_like(believed, 1 / bank.num_hands))


def test_one_note_of_one_hand_by_hand():
    bank = HandBank(8)
    walker = next(i for i, hand in enumerate(hands_of(8)) if hand.walks and hand.leap == 2)
    lies, misses = (torch.zeros(1, bank.num_hands) for _ in range(2))
    lies[0, walker], misses[0, walker] = 1.0, 2.0
    stride = torch.zeros_like(lies).index_fill(1, torch.tensor([walker]), 1.5)
    now = bank.after(Followed(lies, misses), stride, stride, torch.tensor([[1.5]]))
    # It comes to lie at 2.5; the button 1.5 is half a button beyond its edge, and a walker goes to that edge.
    assert now.lies[0, walker].item() == pytest.approx(2.0) and now.misses[0, walker].item() == pytest.approx(
        0.97 * 2 + 0.5
    )
