"""The books: every note-on has its note-off, whatever comes."""

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pianogenie.events import NoteOff, NoteOn, Pedal, Press, Release
from pianogenie.genie import Genie
from pianogenie.model import load_model
from pianogenie.offline import Collector
from pianogenie.outputs.base import Output
from pianogenie.performer import Performer
from tests.toymodel import button_key


def played(model, events, close_at=None):
    collector = Collector()
    performer = Performer(Genie(load_model(model), temperature=0), [collector])
    for event in events:
        performer.play(event)
    performer.close(close_at)
    return collector.events


def test_a_press_is_a_note_as_long_as_the_button_is_held(toy_model):
    assert played(toy_model, [Press(2, 1.0, 70), Release(2, 1.5)]) == [
        NoteOn(button_key(2), 70, 2, 1.0),
        NoteOff(button_key(2), 1.5),
        Pedal(0, 1.5),
    ]


def test_a_key_that_sounds_is_struck_again_and_ends_with_its_last_button(one_key_model):
    events = played(one_key_model, [Press(0, 0.0, 70), Press(1, 0.1, 80), Release(0, 0.2), Release(1, 0.3)])
    assert events == [
        NoteOn(40, 70, 0, 0.0),
        NoteOff(40, 0.1),
        NoteOn(40, 80, 1, 0.1),
        NoteOff(40, 0.3),
        Pedal(0, 0.3),
    ]


def test_a_button_pressed_while_held_plays_anew(toy_model):
    events = played(toy_model, [Press(0, 0.0, 70), Press(0, 0.1, 71), Release(0, 0.2)])
    key = button_key(0)
    assert events[:4] == [NoteOn(key, 70, 0, 0.0), NoteOff(key, 0.1), NoteOn(key, 71, 0, 0.1), NoteOff(key, 0.2)]


def test_closing_lets_every_key_and_the_pedal_go(toy_model):
    events = played(toy_model, [Pedal(127, 0.0), Press(0, 0.1, 70), Press(5, 0.2, 70)], close_at=9.0)
    assert set(events[-3:-1]) == {NoteOff(button_key(0), 9.0), NoteOff(button_key(5), 9.0)}
    assert events[-1] == Pedal(0, 9.0)


class Watching(Collector):
    """Keeps what the player did."""

    def __init__(self):
        super().__init__()
        self.done = []

    def witness(self, event):
        self.done.append(event)

    def panic(self, time):
        self.events.append(("panic", time))


def test_a_thread_that_comes_second_to_the_lock_does_not_turn_back_the_time(toy_model):
    watching = Watching()
    performer = Performer(Genie(load_model(toy_model), temperature=0), [watching])
    for event in (Press(0, 1.0, 70), Press(1, 0.9, 70), Release(0, 1.1)):
        performer.play(event)
    assert [event.time for event in watching.done] == [1.0, 1.0, 1.1]
    assert [event.time for event in watching.events] == [1.0, 1.0, 1.1]


def test_what_is_let_go_at_the_end_is_seen_too(toy_model):
    watching = Watching()
    performer = Performer(Genie(load_model(toy_model), temperature=0), [watching])
    performer.play(Pedal(127, 0.0))
    performer.play(Press(3, 0.1, 70))
    performer.close(2.0)
    assert watching.done[2:] == [Release(3, 2.0), Pedal(0, 2.0)]


def test_a_panic_lets_everything_go_and_play_goes_on(toy_model):
    watching = Watching()
    performer = Performer(Genie(load_model(toy_model), temperature=0), [watching])
    for event in (Pedal(127, 0.0), Press(0, 0.1, 70), Press(1, 0.2, 70)):
        performer.play(event)
    performer.panic(0.5)
    assert set(watching.events[3:5]) == {NoteOff(button_key(0), 0.5), NoteOff(button_key(1), 0.5)}
    assert watching.events[5:] == [Pedal(0, 0.5), ("panic", 0.5)]
    assert watching.done[3:] == [Release(0, 0.5), Release(1, 0.5), Pedal(0, 0.5)]
    del watching.events[:]
    for event in (Release(0, 0.6), Press(1, 0.7, 70), Release(1, 0.8), Pedal(127, 0.9), Pedal(0, 1.0)):
        performer.play(event)
    key = button_key(1)
    assert watching.events == [NoteOn(key, 70, 1, 0.7), NoteOff(key, 0.8), Pedal(127, 0.9), Pedal(0, 1.0)]


def test_a_panic_after_the_end_is_silent(toy_model):
    watching = Watching()
    performer = Performer(Genie(load_model(toy_model)), [watching])
    performer.close()
    before = list(watching.events)
    performer.panic()
    assert watching.events == before


class Breaking(Output):
    """Works for a while, then its cable is pulled."""

    name = "breaking"

    def __init__(self, good: int):
        self.left = good
        self.closed = False

    def send(self, event):
        if not self.left:
            raise OSError("unplugged")
        self.left -= 1

    def close(self):
        self.closed = True


class First(Collector):
    """Its notes leave the machine."""

    comes_first = True


def chord(performer, notes):
    with performer.together():
        for button in range(notes):
            performer.play(Press(button, 1.0, 70))


def test_a_chord_leaves_the_machine_before_anything_else_is_done_about_it(toy_model):
    first, watching = First(), Watching()
    performer = Performer(Genie(load_model(toy_model), temperature=0), [watching, first])
    heard_first = []
    watching.send = lambda event: heard_first.append((len(first.events), len(watching.done), event))
    chord(performer, 3)
    assert [kind for *_, kind in heard_first] == first.events, "the others hear the same"
    assert [count for count, *_ in heard_first] == [3, 3, 3], "after it"
    assert [done for _, done, _ in heard_first] == [0, 1, 2], "and what the player did after its note, as ever"
    performer.play(Press(7, 2.0, 70))
    assert [count for count, *_ in heard_first] == [3, 3, 3, 4], "and no later than that"


def test_a_chord_without_end_is_heard_all_the_same(toy_model):
    collector = Collector()
    performer = Performer(Genie(load_model(toy_model), temperature=0), [collector])
    with performer.together():
        for n in range(1000):
            performer.play(Press(n % 8, n * 0.01, 70))
            performer.play(Release(n % 8, n * 0.01))
            assert len(collector.events) >= 2 * n - 24


def test_who_plays_on_another_thread_waits_for_no_chord(toy_model):
    collector = Collector()
    performer = Performer(Genie(load_model(toy_model), temperature=0), [collector])
    with performer.together():
        performer.play(Press(0, 1.0, 70))
        other = threading.Thread(target=performer.play, args=(Press(1, 1.1, 70),))
        other.start()
        other.join()
        assert [event.button for event in collector.events] == [0, 1]


@pytest.mark.parametrize("end", ["panic", "close"])
def test_a_chord_that_is_cut_short_is_over_for_all(toy_model, end):
    first, other = First(), Watching()
    performer = Performer(Genie(load_model(toy_model), temperature=0), [first, other])
    with performer.together():
        performer.play(Press(0, 1.0, 70))
        getattr(performer, end)(2.0)
        notes = [NoteOn(button_key(0), 70, 0, 1.0), NoteOff(button_key(0), 2.0), Pedal(0, 2.0)]
        assert first.events == notes and other.events[:3] == notes
        assert other.done[:2] == [Press(0, 1.0, 70), Release(0, 2.0)]


def test_a_broken_output_is_named_and_the_others_play_on(toy_model):
    broken, whole = Breaking(1), Collector()
    performer = Performer(Genie(load_model(toy_model), temperature=0), [broken, whole])
    for i in range(4):
        performer.play(Press(i, i * 0.1, 64))
        performer.play(Release(i, i * 0.1 + 0.05))
    performer.close()
    assert len([e for e in whole.events if isinstance(e, NoteOn)]) == 4
    assert [(output.name, str(error)) for output, error in performer.failures] == [("breaking", "unplugged")]
    assert broken.closed


class Stumbling(Collector):
    """Refuses an event or two, then works again."""

    def __init__(self, refused: range):
        super().__init__()
        self.heard, self.refused = 0, refused

    def send(self, event):
        self.heard += 1
        if self.heard in self.refused:
            raise OSError("busy")
        super().send(event)


@pytest.mark.parametrize("refused", [range(3, 4), range(4, 5), range(4, 6), range(6, 8)])
def test_an_output_that_stumbles_is_left_silent(toy_model, refused):
    output = Stumbling(refused)
    performer = Performer(Genie(load_model(toy_model), temperature=0), [output])
    for i in range(5):
        performer.play(Press(i, i * 0.1, 64))
        if i % 2:
            performer.play(Release(i, i * 0.1 + 0.05))
    performer.close()
    last = {e.key: type(e) for e in output.events if isinstance(e, NoteOn | NoteOff)}
    assert NoteOn in {type(e) for e in output.events} and set(last.values()) == {NoteOff}
    assert output.events[-1].value == 0


def test_silence_after_close(toy_model):
    collector = Collector()
    performer = Performer(Genie(load_model(toy_model), temperature=0), [collector])
    performer.close()
    before = list(collector.events)
    performer.play(Press(0, 1.0))
    performer.close()
    assert collector.events == before


player_events = st.one_of(
    st.builds(Press, st.integers(0, 7), st.just(0.0), st.none() | st.integers(1, 127)),
    st.builds(Release, st.integers(0, 7), st.just(0.0)),
    st.builds(Pedal, st.integers(0, 127), st.just(0.0)),
)


@pytest.mark.parametrize("which", ["toy_model", "one_key_model"])
@given(events=st.lists(player_events, max_size=60), gaps=st.lists(st.floats(0, 2), min_size=60, max_size=60))
def test_the_books_balance(which, request, events, gaps):
    now, timed = 0.0, []
    for event, gap in zip(events, gaps, strict=False):
        now += gap
        timed.append(event._replace(time=now))
    sounding, ons, pedal, before = set(), 0, 0, 0.0
    for event in played(request.getfixturevalue(which), timed):
        assert event.time >= before
        before = event.time
        if isinstance(event, NoteOn):
            assert event.key not in sounding and 1 <= event.velocity <= 127
            sounding.add(event.key)
            ons += 1
        elif isinstance(event, NoteOff):
            sounding.remove(event.key)
        else:
            pedal = event.value
    assert not sounding and pedal == 0
    assert ons == sum(isinstance(event, Press) for event in events)
