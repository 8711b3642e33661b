"""Button performances: there and back, and what is wrong with a bad one."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pianogenie.errors import UserError
from pianogenie.events import Pedal, Press, Release
from pianogenie.performance import Performance, load_performance, save_performance

events = st.lists(
    st.one_of(
        st.builds(Press, st.integers(0, 7), st.floats(0, 1000), st.none() | st.integers(1, 127)),
        st.builds(Release, st.integers(0, 7), st.floats(0, 1000)),
        st.builds(Pedal, st.integers(0, 127), st.floats(0, 1000)),
    ),
    max_size=30,
).map(lambda items: sorted(items, key=lambda e: e.time))


@given(events=events)
def test_what_is_written_is_read(tmp_path_factory, events):
    path = tmp_path_factory.mktemp("p") / "x.json"
    save_performance(Performance(8, events), path)
    assert load_performance(path) == Performance(8, events)


def _file(tmp_path, *events, **fields):
    data = {"format": "pianogenie-performance/1", "num_buttons": 8, "events": list(events)} | fields
    path = tmp_path / "bad.json"
    path.write_text(json.dumps(data))
    return path


def test_the_design_documents_own_example_is_read(tmp_path):
    path = _file(
        tmp_path,
        {"time": 0.0, "type": "press", "button": 3, "velocity": None},
        {"time": 0.2, "type": "release", "button": 3},
        {"time": 0.3, "type": "pedal", "value": 127},
    )
    assert load_performance(path).events == [Press(3, 0.0), Release(3, 0.2), Pedal(127, 0.3)]


BAD_EVENTS = {
    "an unknown event": ({"time": 0, "type": "bend", "value": 3}, "'bend'"),
    "a button out of range": ({"time": 0, "type": "press", "button": 8}, "button is 8"),
    "a negative button": ({"time": 0, "type": "release", "button": -1}, "button is -1"),
    "a button that is true": ({"time": 0, "type": "press", "button": True}, "button is True"),
    "no button": ({"time": 0, "type": "press"}, "button is None"),
    "a velocity of nought": ({"time": 0, "type": "press", "button": 1, "velocity": 0}, "velocity is 0"),
    "a pedal out of range": ({"time": 0, "type": "pedal", "value": 128}, "128"),
    "no time": ({"type": "press", "button": 1}, "time is None"),
    "a time before the start": ({"time": -1, "type": "press", "button": 1}, "goes back"),
    "a time that is no number": ({"time": float("nan"), "type": "press", "button": 1}, "nan"),
    "an endless time": ({"time": float("inf"), "type": "press", "button": 1}, "a day"),
    "a huge time": ({"time": 10**400, "type": "press", "button": 1}, "a day"),
    "no object": (17, "not a JSON object"),
}


@pytest.mark.parametrize("fault", BAD_EVENTS)
def test_a_bad_event_is_named_by_its_number(tmp_path, fault):
    event, said = BAD_EVENTS[fault]
    path = _file(tmp_path, {"time": 0, "type": "press", "button": 1}, event)
    with pytest.raises(UserError) as error:
        load_performance(path)
    assert f"{path}: event 2" in str(error.value) and said in str(error.value)
    assert "\n" not in str(error.value)


def test_times_that_go_back(tmp_path):
    path = _file(tmp_path, {"time": 2, "type": "press", "button": 1}, {"time": 1, "type": "release", "button": 1})
    with pytest.raises(UserError, match="event 2: time 1 goes back"):
        load_performance(path)


@pytest.mark.parametrize("text", ["", "{", "[1", "\x00", "[" * 100_000, "nul", '{"a": 1}', "[]", "3"])
def test_what_is_no_performance(tmp_path, text):
    path = tmp_path / "bad.json"
    path.write_text(text)
    with pytest.raises(UserError) as error:
        load_performance(path)
    assert str(path) in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"format": "pianogenie-performance/2"}, "pianogenie-performance/2"),
        ({"num_buttons": 0}, "num_buttons"),
        ({"num_buttons": "8"}, "num_buttons"),
        ({"events": None}, "events"),
    ],
)
def test_a_bad_head(tmp_path, fields, said):
    with pytest.raises(UserError, match=said):
        load_performance(_file(tmp_path, **fields))


def test_a_missing_file(tmp_path):
    with pytest.raises(UserError, match="cannot be read"):
        load_performance(tmp_path / "none.json")
