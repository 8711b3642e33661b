"""A short run of every reader on damaged files. The long one: `make fuzz`."""

import resource
import sys
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.targets import TARGETS

LONGEST_S, MOST_MIB = 5.0, 1024


def damaged(target):
    """A good file with bytes changed, taken out, doubled and put in; or no file at all."""
    seeds = target.seeds()
    insertion = st.sampled_from(target.words) | st.binary(max_size=8)
    place = st.integers(0, max(map(len, seeds)))
    cut = st.tuples(place, st.integers(0, 64), insertion, st.booleans())

    def apply(seed, cuts, end):
        data = seed
        for at, length, put, twice in cuts:
            data = data[:at] + put + data[at if twice else at + length :]
        return data[:end]

    whole = st.builds(apply, st.sampled_from(seeds), st.lists(cut, max_size=4), st.none() | place)
    return whole | st.binary(max_size=40)


@pytest.mark.parametrize("name", TARGETS)
def test_a_hostile_file_is_read_or_refused(name, tmp_path, record_property):
    target, tried, longest = TARGETS[name], 0, 0.0

    @settings(max_examples=40)
    @given(data=damaged(target))
    def whatever_is_in_it(data):
        nonlocal tried, longest
        began = time.process_time()
        target(data, tmp_path)
        tried, longest = tried + 1, max(longest, time.process_time() - began)

    for seed in target.seeds():
        assert target(seed, tmp_path), "a good file was refused"
    whatever_is_in_it()
    record_property("tried", tried)
    assert longest < LONGEST_S
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1 << 10)
    assert peak < MOST_MIB or "torch" in sys.modules, "more than 1 GB"
