"""The genie: what it picks, how freely, and that it repeats itself."""

import random
import threading
import time as clocks

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pianogenie.chords import Chords
from pianogenie.dynamics import DEFAULT_VELOCITY
from pianogenie.genie import Genie
from pianogenie.keys import NO_KEY
from pianogenie.model import DEFAULT_MODEL, load_model
from pianogenie.stepper import Stepper
from tests.toymodel import button_key, write_model


def think_of_chords(genie):
    while genie.think_of_a_chord():
        pass


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


def test_bound_buffers_give_what_a_plain_run_gives(tmp_path):
    """The quick way through the decoder and the general one agree, step after step, state and all."""
    decoder = load_model(write_model(tmp_path / "m", velocity=True)).decoder
    stepper, states = Stepper(decoder, 8, outcomes=2), decoder.zero_state(8)
    prev_key, prev_velocity = np.full(8, NO_KEY), np.zeros(8, np.float32)
    for i in range(20):
        outcome = stepper.step(i * 0.1, i % 2)
        delta_times = np.full(8, i * 0.1, np.float32)
        logits, states, velocity = decoder.step(prev_key, delta_times, np.arange(8), states, prev_velocity)
        assert np.array_equal(outcome.logits, logits) and np.array_equal(outcome.velocity, velocity)
        stepper.go_on(outcome, i * 3 % 8, i * 5 % 88, i + 1)
        states = np.tile(states[i * 3 % 8], (8, 1))
        prev_key, prev_velocity = np.full(8, i * 5 % 88), np.full(8, i + 1, np.float32)


def test_a_single_row_of_what_all_buttons_share_is_as_good_as_a_row_for_each():
    decoder = load_model(DEFAULT_MODEL, with_encoder=False).decoder
    assert decoder.single_rows, "the model that ships says so"
    stepper, states, prev_key = Stepper(decoder, 8), decoder.zero_state(8), np.full(8, NO_KEY)
    for i in range(40):
        outcome = stepper.step(i * 0.03)
        logits, states, velocity = decoder.step(prev_key, np.full(8, i * 0.03, np.float32), np.arange(8), states)
        likely = logits > logits.max() - 20
        assert np.allclose(outcome.logits[likely], logits[likely], atol=2e-3)
        assert np.allclose(outcome.velocity, velocity, atol=2e-2)
        stepper.go_on(outcome, i * 3 % 8, 30 + i * 5 % 30, 64)
        states, prev_key = np.tile(states[i * 3 % 8], (8, 1)), np.full(8, 30 + i * 5 % 30)


GAPS = st.one_of(st.just(0.0), st.floats(0, 0.02), st.floats(0, 9))  # chords, quick notes, any


@given(
    st.lists(st.tuples(st.integers(0, 7), GAPS, st.lists(st.tuples(st.floats(0, 10), st.integers(0, 9)), max_size=3)))
)
def test_thinking_ahead_changes_nothing_that_is_played(presses):
    """Whenever it is told to think, of whatever moment, and of however many chords: the same keys and velocities."""
    model = load_model(DEFAULT_MODEL, with_encoder=False)
    thoughtful, plain = (Genie(model, temperature=1, seed=5) for _ in range(2))
    time = 0.0
    for button, gap, thoughts in presses:
        for thought, chords in thoughts:
            assert thoughtful.think_ahead(time + thought) > time + thought - 1e-6
            for _ in range(chords):
                thoughtful.think_of_a_chord()
        time += gap
        assert thoughtful.press(button, time) == plain.press(button, time)


def test_a_press_whose_answer_is_there_does_not_wait_for_the_next_ticks(toy_model, monkeypatch):
    model = load_model(toy_model)
    genie, plain = (Genie(model, temperature=1, seed=2) for _ in range(2))
    step, begun, go_on = genie._stepper.step, threading.Event(), threading.Event()

    def slow_step(*args):
        begun.set()
        assert go_on.wait(20)
        return step(*args)

    genie.think_ahead(0.0)
    assert genie.press(3, 1.0) == plain.press(3, 1.0)
    next_at = genie.think_ahead(1.002)
    monkeypatch.setattr(genie._stepper, "step", slow_step)
    thinker = threading.Thread(target=genie.think_ahead, args=(next_at,))
    thinker.start()
    assert begun.wait(20)
    assert genie.press(5, next_at - 1e-4) == plain.press(5, next_at - 1e-4)  # returns while the thread thinks
    assert thinker.is_alive()
    go_on.set()
    thinker.join(20)
    for i in range(8):
        assert genie.press(i, next_at + i / 3) == plain.press(i, next_at + i / 3)


def test_a_thread_that_thinks_of_anything_meanwhile_changes_nothing_that_is_played():
    model = load_model(DEFAULT_MODEL, with_encoder=False)
    thoughtful, plain = (Genie(model, temperature=1, seed=7) for _ in range(2))
    now, over = [0.0], threading.Event()

    def think():
        draw = random.Random(1)
        while not over.is_set():
            thoughtful.think_ahead(now[0] + draw.choice((0.0, 0.002, 0.008, 0.016, 0.5)))
            while draw.random() < 0.8 and thoughtful.think_of_a_chord():
                pass

    thinker = threading.Thread(target=think)
    thinker.start()
    try:
        draw = random.Random(2)
        for _ in range(600):
            now[0] += draw.choice((0.0, 0.0, 0.005, 0.012, 0.1))
            if draw.random() < 0.7:
                clocks.sleep(draw.choice((0.0, 0.0003, 0.001)))
            button = draw.randrange(8)
            assert thoughtful.press(button, now[0]) == plain.press(button, now[0])
    finally:
        over.set()
        thinker.join()


def test_a_thought_holds_at_any_temperature(tmp_path):
    model = load_model(write_model(tmp_path / "m", spread=0.01))
    genie = Genie(model, temperature=1, seed=1)
    for i in range(20):
        genie.temperature = 1
        genie.think_ahead(i)
        genie.temperature = 0
        assert genie.press(4, i)[0] == button_key(4)


def test_what_was_thought_of_is_not_worked_out_again(toy_model, monkeypatch):
    genie = Genie(load_model(toy_model))
    steps = []
    step = genie._stepper.step
    monkeypatch.setattr(genie._stepper, "step", lambda *args: steps.append(args) or step(*args))
    more_at = genie.think_ahead(0.0)
    assert genie.think_ahead(100.0) == more_at == float("inf")  # the first press may come whenever it likes
    genie.press(3, 1.0)
    assert len(steps) == 1
    more_at = genie.think_ahead(1.002)
    assert 1.002 < more_at < 1.02
    genie.press(3, more_at - 1e-4)
    assert len(steps) == 2
    genie.press(3, more_at)
    assert len(steps) == 3  # one that nobody thought of


def test_the_second_of_a_chord_finds_its_answer_made_and_so_does_the_third_if_there_was_time(monkeypatch):
    model = load_model(DEFAULT_MODEL, with_encoder=False)
    genie, plain = (Genie(model, temperature=1, seed=4) for _ in range(2))
    for button in (3, 4):  # a chord, and so chords are expected
        assert genie.press(button, 0.0) == plain.press(button, 0.0)
    for first, second, third in ((0, 7, 3), (5, 5, 5), (2, 1, 0)):
        chord_at = first + 1.0
        genie.think_ahead(chord_at)
        think_of_chords(genie)
        with monkeypatch.context() as patched:
            patched.setattr(genie._stepper, "step", None)
            assert genie.press(first, chord_at) == plain.press(first, chord_at)
            assert genie.press(second, chord_at + 0.001) == plain.press(second, chord_at + 0.001)
        genie.think_ahead(chord_at + 0.003)
        think_of_chords(genie)
        with monkeypatch.context() as patched:
            patched.setattr(genie._stepper, "step", None)
            assert genie.press(third, chord_at + 0.002) == plain.press(third, chord_at + 0.002)


def test_what_a_chord_left_holds_however_late_the_next_press_is():
    """Its last outcome lies where the next chords are written to."""
    model = load_model(DEFAULT_MODEL, with_encoder=False)
    genie, plain = (Genie(model, temperature=1, seed=6) for _ in range(2))

    def press(*presses):
        for button, time in presses:
            assert genie.press(button, time) == plain.press(button, time)

    press((3, 0.0), (4, 0.0))
    for second in range(1, 20):
        for together in range(second % 4):
            genie.think_ahead(second)
            think_of_chords(genie)
            press((together, second))
        genie.think_ahead(second)
        think_of_chords(genie)
        press((2, second + 0.5), (5, second + 0.7))


def test_the_temperature_may_change_within_a_chord_that_was_thought_of(tmp_path):
    model = load_model(write_model(tmp_path / "m", spread=0.01))
    genie, plain = (Genie(model, temperature=1, seed=1) for _ in range(2))
    for i in range(40):
        genie.temperature = plain.temperature = 1
        genie.think_ahead(i)
        think_of_chords(genie)
        assert genie.press(4, i) == plain.press(4, i)
        genie.temperature = plain.temperature = 0
        assert genie.press(4, i) == plain.press(4, i) == (button_key(4), DEFAULT_VELOCITY)


def test_the_ticks_before_and_after_a_moment_are_both_ready_for_a_chord(monkeypatch):
    model = load_model(DEFAULT_MODEL, with_encoder=False)
    genie, plain = (Genie(model, temperature=1, seed=4) for _ in range(2))
    for first_at in (0.0, 1.003, 2.009, 3.003):
        for time in (first_at, first_at):
            assert genie.press(1, time) == plain.press(1, time)
        for tick_ends in (0.004, 0.012):
            genie.think_ahead(first_at + tick_ends)
            think_of_chords(genie)
        with monkeypatch.context() as patched:
            patched.setattr(genie._stepper, "step", None)
            for time in (first_at + 0.007 + first_at / 1000, first_at + 0.0072 + first_at / 1000):
                assert genie.press(5, time) == plain.press(5, time)


def test_a_press_that_has_something_to_ask_comes_before_the_next_thought():
    model = load_model(DEFAULT_MODEL, with_encoder=False)
    genie = Genie(model, seed=3)
    order = []
    with genie._mind:  # somebody thinks
        pressing = threading.Thread(target=lambda: (genie.press(0, 1.0), order.append("press")))
        pressing.start()
        while not genie._turn.locked():
            clocks.sleep(0.001)
        thinking = threading.Thread(target=lambda: (genie.think_ahead(1.5), order.append("thought")))
        thinking.start()
        clocks.sleep(0.02)
    pressing.join(20)
    thinking.join(20)
    assert order == ["press", "thought"] and genie._ahead.past is genie._past


def test_who_plays_no_chords_is_not_expected_to():
    genie = Genie(load_model(DEFAULT_MODEL, with_encoder=False))

    def worked_out(moment):
        genie.think_ahead(moment)
        return sum(iter(genie.think_of_a_chord, False))

    assert worked_out(0.0) == 0
    genie.press(1, 0.0)
    assert worked_out(0.002) == 0
    genie.press(2, 0.001)
    for i in range(31):
        assert worked_out(1.0 + i) == 8
        genie.press(3, 1.0 + i)
    assert worked_out(40.0) == 0


def test_chords_that_cannot_be_foreseen_are_not(tmp_path):
    model = load_model(write_model(tmp_path / "m", velocity=True))
    assert model.decoder.takes_velocity, "which a press has, and nobody knows before"
    genie = Genie(model)
    for i in range(4):
        genie.press(i, 0.0, 1 + i)
        genie.think_ahead(0.001)
        assert not genie.think_of_a_chord()
    plain = load_model(DEFAULT_MODEL, with_encoder=False).decoder
    assert Chords(plain, 8).can_be_foreseen
    assert Chords(plain, 16).can_be_foreseen
    assert not Chords(plain, 88).can_be_foreseen, "as that would take too much memory"


def test_two_genies_of_one_model_do_not_hear_each_other(tmp_path):
    model = load_model(write_model(tmp_path / "m", spread=0.5))
    alone, one, other = (Genie(model, temperature=1, seed=3) for _ in range(3))
    expected = [alone.press(i % 8, i * 0.1) for i in range(30)]
    heard = []
    for i in range(30):
        heard.append(one.press(i % 8, i * 0.1))
        other.press(7 - i % 8, i * 0.3)
    assert heard == expected
