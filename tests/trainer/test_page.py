"""The report page's parts: what is drawn, pressed and heard is what was measured."""

import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pianogenie_train import runs
from pianogenie_train.data import Prepared
from pianogenie_train.page import charts, counting, curves, listening
from pianogenie_train.players import FolderPlayer

from pianogenie.events import NoteOn, Press, Release
from pianogenie.model import load_model

NOTES = st.lists(
    st.tuples(st.integers(0, 7), st.floats(0, 0.5), st.floats(0.05, 3), st.integers(1, 127)), min_size=1, max_size=40
)


def piece_of(notes):
    onsets = np.cumsum([0.0] + [gap for _, gap, _, _ in notes[1:]])
    durations, velocities = (np.array([note[i] for note in notes]) for i in (2, 3))
    return listening.Excerpt("p", np.full(len(notes), 40), onsets, durations, velocities)


@given(NOTES)
def test_every_note_is_a_press_and_no_release_is_another_ones(notes):
    piece, buttons = piece_of(notes), np.array([button for button, *_ in notes])
    held: dict[int, float] = {}
    pressed, before = [], 0.0
    for event in listening.performance(piece, buttons, 8).events:
        assert event.time >= before
        before = event.time
        if isinstance(event, Press):
            held[event.button] = event.time
            pressed.append((event.button, event.time, event.velocity))
        else:
            assert isinstance(event, Release) and event.button in held
            own = [d for b, t, d in zip(buttons, piece.onsets, piece.durations, strict=True) if b == event.button
                   and t == held[event.button]]  # fmt: skip
            assert event.time - held.pop(event.button) == pytest.approx(own[-1])
    assert not held, "all is let go"
    assert pressed == [(b, t, v) for b, t, v in zip(buttons, piece.onsets, piece.velocities, strict=True)]


def test_buttons_are_laid_over_a_shorter_row():
    assert listening.stretched(np.arange(8), 8, 4).tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    assert listening.stretched(np.arange(4), 4, 8).tolist() == [0, 2, 5, 7]


def test_a_model_plays_the_buttons_that_its_encoder_finds(data, small_model):
    model, piece = load_model(small_model), listening.excerpt(Prepared(data))
    assert piece.name == "validation/held-out" and len(piece.keys) <= listening.MOST_NOTES
    assert piece.seconds <= listening.EXCERPT_S + 0.1 and piece.onsets[0] == 0
    buttons = listening.buttons_for(piece, model)
    events = listening.played(listening.performance(piece, buttons, 8), model)
    struck = [event for event in events if isinstance(event, NoteOn)]
    assert len(struck) == len(piece.keys) == len(listening.notes_of(events))
    assert [event.button for event in struck] == buttons.tolist()
    sound = listening.audio(listening.as_written(piece)[:20], 2.0)
    assert re.match(r"data:audio/(mpeg|ogg);base64,[A-Za-z0-9+/=]{1000,}$", sound)


def test_shares_add_up(data, small_model):
    shares = counting.count(FolderPlayer(load_model(small_model)), Prepared(data))
    for found, kinds in ((shares.buttons, 8), (shares.played, 88), (shares.found, 88)):
        assert len(found) == kinds and sum(found) == pytest.approx(1)


def test_curves_are_those_of_the_log(small_run):
    found = curves.read(small_run)
    assert [step for step, _ in found.validation][-1] == runs.load_trained(small_run, "last").step
    assert all(1 < ppl < 200 for _, ppl in found.validation)
    assert curves.read(small_run / "checkpoints") == curves.Curves()


def parsed(svg):
    return ElementTree.fromstring(str(svg))


def test_a_roll_has_a_bar_for_every_note_where_it_belongs():
    notes = [charts.Note(40, 0.0, 1.0, 2), charts.Note(47, 0.5, 0.7, 5), charts.Note(20, 1.0, 2.0, 0)]
    drawn = parsed(charts.roll(notes, 8, 2.0, 35, 50))
    bars = [bar for bar in drawn.iter("rect") if bar.get("fill")]
    assert len(bars) == 2, "what lies off the roll is left out"
    low, high = bars
    assert float(low.get("y")) > float(high.get("y")) and low.get("fill") == charts.button_colours(8)[2]
    assert float(low.get("width")) == pytest.approx(5 * float(high.get("width")), rel=0.02)
    presses = parsed(charts.presses(notes, 8, 2.0))
    assert len([dot for dot in presses.iter("circle")]) == 3


@pytest.mark.parametrize(
    "points", [[], [(0, 50.0)], [(1, 8.0), (2, 4.0)], [(s, 3.0 + 1 / (s + 1)) for s in range(500)]]
)
def test_any_curve_can_be_drawn(points):
    drawn = charts.learning([charts.Line("x", [(0, 88.0)], "train"), charts.Line("y <&>", points, "ours")], ("p", 4.0))
    found = parsed(drawn)
    assert (found.find("line[@class='level']") is not None) and "nan" not in str(drawn)


def test_bars_of_shares():
    drawn = parsed(charts.buttons([0.5, 0.25, 0.25, 0.0], [0.25] * 4))
    heights = [float(bar.get("height")) for bar in drawn.iter("rect") if bar.get("fill")]
    assert heights[0] == pytest.approx(2 * heights[1]) and heights[3] == 0
    assert len([bar for bar in parsed(charts.keys([1 / 88] * 88, [1 / 88] * 88)).iter("rect")]) == 88
