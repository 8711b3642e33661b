"""Where everything lies, at any size."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pianogenie.keys import NUM_KEYS, is_black
from pianogenie.window.layout import lay_out

SIZES = st.tuples(st.integers(320, 4200), st.integers(240, 4200))
BUTTONS = st.integers(1, 12)


@given(SIZES, BUTTONS)
def test_nothing_is_outside_the_window_or_empty(size, num_buttons):
    layout = lay_out(*size, num_buttons)
    assert layout.window[2:] == size
    boxes = [layout.ribbons, layout.felt, layout.keyboard, layout.status, *layout.keys, *layout.buttons]
    for box in boxes:
        assert box.w > 0 and box.h > 0
        assert box.inside(layout.window)


@given(SIZES, BUTTONS)
def test_the_parts_do_not_overlap(size, num_buttons):
    layout = lay_out(*size, num_buttons)
    parts = [layout.ribbons, layout.felt, layout.keyboard, *layout.buttons, layout.status]
    for i, one in enumerate(parts):
        assert not any(one.overlaps(other) for other in parts[i + 1 :])
    assert layout.ribbons.h >= 0.2 * size[1], "room to flow"


@given(SIZES)
def test_the_keyboard_is_a_piano(size):
    layout = lay_out(*size, 8)
    white = [box for key, box in enumerate(layout.keys) if not is_black(key)]
    black = [box for key, box in enumerate(layout.keys) if is_black(key)]
    assert (len(white), len(black)) == (52, 36)
    assert white[0].x == layout.keyboard.x and white[-1].right == layout.keyboard.right
    assert all(left.right == right.x for left, right in itertools.pairwise(white)), "no gap, no overlap"
    assert not any(left.overlaps(right) for left, right in itertools.pairwise(black))
    centres = [layout.ribbon_centre(key) for key in range(NUM_KEYS)]
    assert centres == sorted(centres), "ribbons rise in the order of the keys"


@given(SIZES, BUTTONS, st.floats(0.02, 0.98), st.floats(0.02, 0.98))
def test_a_point_on_a_button_hits_it(size, num_buttons, across, down):
    layout = lay_out(*size, num_buttons)
    for button, box in enumerate(layout.buttons):
        hit = layout.button_at(box.x + across * (box.w - 1), box.y + down * (box.h - 1))
        assert hit.button == button
        assert hit.depth == pytest.approx(down, abs=0.05)


@given(SIZES, BUTTONS)
def test_sliding_along_the_row_never_loses_the_finger(size, num_buttons):
    layout = lay_out(*size, num_buttons)
    first, last = layout.buttons[0], layout.buttons[-1]
    hits = [layout.button_at(x, first.y + first.h / 2) for x in range(first.x, last.right)]
    assert None not in hits
    assert [h.button for h in hits] == sorted(h.button for h in hits)
    assert layout.button_at(first.x, first.y - 1) is None
    assert layout.button_at(first.x, first.bottom) is None
    assert layout.button_at(last.right, first.y + 1) is None
