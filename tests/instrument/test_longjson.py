"""Long lists in JSON: read as Python's own reader reads them, without its hunger."""

import json
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pianogenie.errors import UserError
from pianogenie.longjson import Items, entries
from pianogenie.performance import load_performance

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8)
values = st.recursive(
    scalars, lambda v: st.lists(v, max_size=4) | st.dictionaries(st.text(max_size=3), v), max_leaves=5
)


def read(data):
    return {name: list(value) if isinstance(value, Items) else value for name, value in entries(data, "long", "x.json")}


@given(
    whole=st.dictionaries(st.text(max_size=4) | st.just("long"), values, max_size=4),
    indent=st.none() | st.sampled_from((1, "\t")),
)
def test_what_python_reads_is_read_alike(whole, indent):
    assert read(json.dumps(whole, indent=indent, ensure_ascii=indent is None).encode("utf-8", "surrogatepass")) == whole


@given(text=st.text('{}[]",:long0123456789.e-+ \n\\utrfalsn', max_size=40) | st.text(max_size=20))
def test_what_python_refuses_is_refused_with_a_place(text):
    data = text.encode("utf-8", "surrogatepass")
    try:
        expected = json.loads(data.decode())
    except (ValueError, RecursionError):
        expected = None
    if isinstance(expected, dict):
        assert repr(read(data)) == repr(expected) or "long" in expected
    else:
        with pytest.raises(UserError, match=r"^x\.json: "):
            read(data)


@pytest.mark.parametrize(
    "bad", ['{"long": [1, 2', '{"long": [1 2]}', '{"long": [1,]}', '{"long": [1]} x', '{"long": [,]}']
)
def test_a_list_that_is_broken_is_refused_gone_through_or_not(bad):
    bad = b'{"long": ' + bad.encode()
    with pytest.raises(UserError, match="not JSON .*line 1 column"):
        read(bad)
    with pytest.raises(UserError, match="not JSON .*line 1 column"):
        list(entries(bad, "long", "x.json"))


def test_a_value_may_not_be_long():
    for text in ('{"a": "' + "x" * 5000 + '"}', '{"long": [' + "[" * 5000, '{"long": [' + "1" * 5000 + "]}"):
        with pytest.raises(UserError, match="x.json: not JSON"):
            read(text.encode())


@pytest.mark.parametrize("unit", ["[],", "{},", '{"":0},', "[[]],", "0,", '"ab",', "1.5,", '"é🎹",'])
def test_a_hostile_performance_takes_no_memory_worth_naming(tmp_path, unit):
    path = tmp_path / "x.json"
    head = '{"format": "pianogenie-performance/1", "num_buttons": 8, '
    for text in (head + '"events": [', head + '"odd": [', '{"events": ['):
        path.write_text(text + unit * (1 << 16) + "0]}")
        tracemalloc.start()
        with pytest.raises(UserError, match="x.json"):
            load_performance(path)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 8 * path.stat().st_size + (1 << 20)
