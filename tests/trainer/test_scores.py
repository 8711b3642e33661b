"""The scores, on models whose worth is known beforehand."""

import dataclasses

import numpy as np
import pytest
from pianogenie_train import hands, melodies, scores, tunes
from pianogenie_train.data import Prepared
from pianogenie_train.patterns import patterns


class Follower:
    """Plays one key a button, upwards (or downwards), and presses buttons by thirds of an octave."""

    can_encode = True

    def __init__(self, num_buttons=8, upwards=True):
        self.num_buttons, self.upwards = num_buttons, upwards

    def encode(self, keys, delta_times):
        return np.clip(keys // 11, 0, self.num_buttons - 1)

    def hear(self, keys, delta_times, buttons):
        return np.zeros((*keys.shape, 88), np.float32), None

    def start(self, batch):
        return None

    def step(self, prev_key, delta_time, button, state):
        key = 40 + button if self.upwards else 40 - button
        return np.where(np.arange(88) == key[:, None], 50.0, 0.0).astype(np.float32), None


def test_a_model_that_knows_nothing_has_a_perplexity_of_88(data):
    found = scores.evaluate(Follower(), Prepared(data))
    assert found.ppl == pytest.approx(88)
    assert found.hand_ppl == pytest.approx(88)
    assert found.cvr == 0 and found.free_cvr == 0
    assert found.windows == 2
    assert set(found.free_cvr_by_pattern) == {"scales", "arpeggios", "trills", "walks"}


def test_a_model_that_is_far_out_has_a_perplexity_without_end(data):
    class FarOut(Follower):
        def hear(self, keys, delta_times, buttons):
            return np.where(np.arange(88) == 87, 1e6, np.zeros((*keys.shape, 88))), None  # no note there is so high

    found = scores.evaluate(FarOut(), Prepared(data))
    assert found.ppl == found.hand_ppl == found.hand_ppl_by_rule["map"] == np.inf


def test_a_model_that_goes_the_wrong_way_is_found_out():
    wrong = scores.free_cvr(Follower(upwards=False))
    assert wrong["scales"] == 1 and wrong["trills"] == 1
    assert 0.5 < wrong["walks"] < 1  # where the button stays, nothing goes the wrong way


def test_velocities_are_measured_against_the_best_constant(data):
    class Loud(Follower):
        def hear(self, keys, delta_times, buttons):
            return super().hear(keys, delta_times, buttons)[0], np.full(keys.shape, 127.0)

    assert scores.evaluate(Follower(), Prepared(data)).velocity_mae is None
    found = scores.evaluate(Loud(), Prepared(data))
    velocities = Prepared(data).velocities.astype(float)
    starts, lengths = Prepared(data).pieces("validation")
    heard = np.concatenate([velocities[s : s + n // 128 * 128] for s, n in zip(starts, lengths, strict=True)])
    assert found.velocity_mae == pytest.approx((127 - heard).mean())
    assert found.velocity_mae_constant == pytest.approx(np.abs(heard - np.median(heard)).mean(), abs=0.01)


def test_against_is_one_way_only():
    buttons = np.array([[1, 2, 2, 1, 3]])
    keys = np.array([[40, 39, 50, 50, 60]])
    assert scores.against(buttons, keys).tolist() == [[True, False, False, False]]


def test_nats_by_hand():
    logits = np.zeros((1, 1, 88), np.float32)
    logits[0, 0, 3] = np.log(87)
    assert scores.nats(logits, np.array([[3]]))[0, 0] == pytest.approx(np.log(2))


def test_gold_is_the_squared_error_in_buttons(monkeypatch):
    song = melodies.Melody("x", np.array([40, 42]), np.array([1, 3]))
    monkeypatch.setattr(melodies, "load", lambda: [song])

    class Constant(Follower):
        def encode(self, keys, delta_times):
            assert (delta_times == np.float32(0.256)).all() and keys.shape == (12, 2)
            return np.full(keys.shape, 2)

    assert scores.gold(Constant()) == pytest.approx(1.0)


def test_melodies_move_as_their_buttons_do():
    songs = melodies.load()
    assert len(songs) >= 10
    for song in songs:
        assert len(song.keys) == len(song.buttons) >= 10, song.title
        assert song.buttons.min() >= 0 and song.buttons.max() <= 7, song.title
        assert (np.sign(np.diff(song.keys)) == np.sign(np.diff(song.buttons))).all(), song.title
        transposed = song.transposed()
        assert transposed.shape[0] == 12 and transposed.min() >= 0 and transposed.max() <= 87
    assert songs[0].buttons_for(15).max() == songs[0].buttons.max() * 2


@pytest.mark.parametrize("rule", hands.RULES, ids=lambda rule: rule.name)
@pytest.mark.parametrize("num_buttons", [4, 8])
def test_hands_stay_on_the_row_and_repeat_what_is_repeated(rule, num_buttons):
    rng = np.random.default_rng(3)
    keys = rng.integers(20, 70, (5, 60))
    keys[:, 10:14] = keys[:, 10:11]
    delta_times = rng.exponential(0.2, keys.shape)
    buttons = hands.buttons_of(rule, keys, delta_times, num_buttons, np.random.default_rng(0))
    assert buttons.shape == keys.shape and buttons.dtype == np.int64
    assert buttons.min() >= 0 and buttons.max() <= num_buttons - 1
    if not rule.alternates:
        assert (buttons[:, 10:14] == buttons[:, 10:11]).all()
    if rule.strict and not rule.walks:  # a walking hand may take itself back to the middle
        assert not scores.against(buttons, keys).any()
    assert len(np.unique(buttons)) > 2


def test_drawn_hands_repeat_themselves_and_go_the_keys_way():
    rng = np.random.default_rng(3)
    keys, delta_times = rng.integers(20, 70, (30, 60)), rng.exponential(0.2, (30, 60))
    one, same, other = (hands.drawn_buttons(keys, delta_times, 8, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert np.array_equal(one, same) and not np.array_equal(one, other)
    assert one.shape == keys.shape and one.min() >= 0 and one.max() <= 7
    assert scores.against(one, keys).mean() < 0.15, "jitter aside, a hand moves as the notes do"
    assert hands.drawn_buttons(keys[:0], delta_times[:0], 8, rng).shape == (0, 60)


def test_a_mapping_hand_lays_the_buttons_over_the_keys():
    rule = hands.HandRule("plain", semitones=2, follow=0)
    keys = np.array([[40, 42, 46, 38, 60, 59, 40]])
    buttons = hands.buttons_of(rule, keys, np.full(keys.shape, 0.2), 9, np.random.default_rng(0))
    assert buttons.tolist() == [[4, 5, 7, 3, 8, 8, 4]]
    moving = dataclasses.replace(rule, semitones=5, moves=True)
    buttons = hands.buttons_of(moving, np.array([[40, 41, 42, 41]]), np.full((1, 4), 0.2), 9, np.random.default_rng(0))
    assert buttons.tolist() == [[4, 5, 6, 4]], "another note, another button"


def test_tunes_are_tapped_the_way_they_go():
    rng = np.random.default_rng(5)
    for num_buttons in (2, 4, 8, 10):
        for _ in range(20):
            keys, delta_times, buttons = tunes.draw(4, num_buttons, rng)
            assert keys.shape == delta_times.shape == buttons.shape and 14 <= keys.shape[1] <= 64
            assert keys.min() >= 0 and keys.max() < 88 and buttons.min() >= 0 and buttons.max() < num_buttons
            assert delta_times.min() > 0
            assert not scores.against(buttons, keys).any()
    keys, _, buttons = tunes.draw(0, 8, rng)
    assert len(keys) == len(buttons) == 0


def test_no_melody_of_the_score_is_a_tune_to_learn_from():
    rng = np.random.default_rng(0)
    drawn = [np.diff(line) for _ in range(60) for line in tunes.draw(6, 8, rng)[0]]
    for song in melodies.load():
        wanted = np.diff(song.keys)[:12]
        for moves in drawn:
            windows = np.lib.stride_tricks.sliding_window_view(moves, min(12, len(moves)))
            assert not (windows == wanted[: windows.shape[1]]).all(axis=1).any() or windows.shape[1] < 12, song.title


def test_a_walking_hand_moves_by_steps():
    rule = hands.HandRule("plain", walks=True, semitones=2, leap=2, recentre=0)
    keys = np.array([[40, 41, 43, 43, 60, 59, 57]])
    buttons = hands.buttons_of(rule, keys, np.full(keys.shape, 0.2), 9, np.random.default_rng(0))
    assert buttons.tolist() == [[4, 5, 6, 6, 8, 7, 6]]


@pytest.mark.parametrize("num_buttons", [2, 4, 8, 10])
def test_patterns_fit_any_row(num_buttons):
    for name, (buttons, delta_times) in patterns(num_buttons, np.random.default_rng(0)).items():
        assert buttons.shape == delta_times.shape, name
        assert buttons.min() >= 0 and buttons.max() <= num_buttons - 1, name
        assert (np.diff(buttons, axis=1) != 0).mean() > 0.4, name
