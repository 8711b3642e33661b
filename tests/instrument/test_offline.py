"""Rendering and the demo: the same notes offline as live, the same bytes for the same seed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pianogenie.demo import demo_performance
from pianogenie.errors import UserError
from pianogenie.events import NoteOff, NoteOn, Pedal, Press, Release
from pianogenie.genie import Genie
from pianogenie.inputs.hands import Hands
from pianogenie.model import load_model
from pianogenie.offline import HELD_AT_THE_END_S, Collector, perform
from pianogenie.performance import Performance, load_performance, save_performance
from pianogenie.performer import Performer
from tests.toymodel import button_key, write_model


def test_buttons_never_released_sound_on_a_little(toy_model):
    genie = Genie(load_model(toy_model), temperature=0)
    events = perform(Performance(8, [Press(1, 2.0, 64)]), genie)
    assert events[:2] == [NoteOn(button_key(1), 64, 1, 2.0), NoteOff(button_key(1), 2.0 + HELD_AT_THE_END_S)]


def test_a_performance_for_other_buttons_is_refused(toy_model):
    with pytest.raises(UserError, match="for 4 buttons, but the model toy has 8"):
        perform(Performance(4, []), Genie(load_model(toy_model)))


def test_a_recording_played_again_is_the_same_music(tmp_path):
    """Live times are written and read back exactly, so the same seed draws the same keys."""
    model = load_model(write_model(tmp_path / "m", spread=0.3))
    done = Performance(8)
    live = Collector()
    performer = Performer(Genie(model, 1.0, seed=5), [live])
    times = iter(round(0.0137 * i**1.3, 6) for i in range(1000))

    def play(event):
        done.events.append(event)
        performer.play(event)

    hands = Hands(play, lambda: next(times), 8)
    for i in range(100):
        hands.down(i % 5, (i * 3) % 8, None)
        hands.pedal("space", 127 * (i % 7 == 0))
    hands.all_up()
    performer.close()
    save_performance(done, tmp_path / "p.json")
    again = perform(load_performance(tmp_path / "p.json"), Genie(model, 1.0, seed=5))
    assert [e for e in again if isinstance(e, NoteOn)] == [e for e in live.events if isinstance(e, NoteOn)]


@given(seconds=st.floats(1, 120), seed=st.integers(0, 10_000), buttons=st.integers(2, 16))
def test_a_demo_is_in_order_and_in_time_and_lets_go(seconds, seed, buttons):
    performance = demo_performance(seconds, seed, buttons)
    assert performance.seconds <= seconds + 1e-3
    times = [e.time for e in performance.events]
    assert times == sorted(times) and times[0] >= 0
    held, pedal = set(), 0
    for event in performance.events:
        if isinstance(event, Press):
            assert 0 <= event.button < buttons
            held.add(event.button)
        elif isinstance(event, Release):
            held.discard(event.button)
        elif isinstance(event, Pedal):
            pedal = event.value
    assert not held and pedal == 0


@pytest.mark.parametrize("seed", range(30))
def test_twenty_seconds_of_demo_are_at_least_forty_notes(seed):
    presses = [e for e in demo_performance(20, seed).events if isinstance(e, Press)]
    assert len(presses) >= 40
