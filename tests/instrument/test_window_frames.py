"""Pictures on their way to the screen: the stage's memory, the handshake, the slices, the painter's turns."""

import numpy as np
import pygame
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pianogenie.events import NoteOff, NoteOn, Pedal, Press, Release
from pianogenie.window.frames import MAX_RECTANGLES, Frames
from pianogenie.window.layout import Box
from pianogenie.window.painter import Painter
from pianogenie.window.presenter import Presenter
from pianogenie.window.sprites import opaque
from pianogenie.window.stage import Stage, StageOutput


def test_another_process_reads_what_the_output_marks():
    with Stage.create(8) as stage:
        output = StageOutput(stage, clock=lambda: 2.5)
        seen = Stage.attach(stage.shared_name)
        before = seen.changes
        output.send(NoteOn(87, 99, 7, 0.0))
        output.witness(Press(7, 0.0))
        output.send(Pedal(64, 0.0))
        stage.status = "klassisch · Flügel"
        scene = seen.read()
        assert seen.changes != before and seen.num_buttons == 8
        assert (scene.sounding[87], scene.striker[87], scene.velocity[87], scene.struck_at[87]) == (1, 7, 99, 2.5)
        assert scene.held == [0] * 7 + [1] and scene.pedal == 64
        assert scene.status == "klassisch · Flügel"
        output.send(NoteOff(87, 0.0))
        output.witness(Release(7, 0.0))
        scene = seen.read()
        assert scene.sounding[87] == 0 and scene.strikes[87] == 1 and scene.let_go_at[87] == 2.5
        assert sum(scene.held) == 0 and scene.presses[7] == 1
        seen.close()
        name = stage.shared_name
    with pytest.raises(FileNotFoundError):
        Stage.attach(name)


@given(st.integers(1, 255), st.text(max_size=3000))
def test_any_text_and_any_number_of_buttons_fit(num_buttons, text):
    stage = Stage.local(num_buttons)
    stage.press(num_buttons - 1)
    stage.status = text
    assert text.startswith(stage.status[:-1])
    assert stage.read().held[-1] == 1
    stage.close()


@pytest.fixture
def frames():
    made = Frames.create(300, 200)
    yield made
    made.close()


def painted(width, height, seed):
    canvas = opaque(width, height)
    noise = np.random.default_rng(seed).integers(0, 256, (width, height, 3), np.uint8)
    pygame.surfarray.blit_array(canvas, noise)
    return canvas


def test_a_frame_has_one_turn_at_a_time(frames):
    painter = Frames.attach(frames.shared_name, 300, 200)
    assert frames.take() == [] and not frames.ever_published and painter.free
    painter.publish(painted(300, 200, 1), [Box(0, 0, 10, 10), Box(20, 30, 40, 50)])
    assert not painter.free
    assert frames.take() == [Box(0, 0, 10, 10), Box(20, 30, 40, 50)]
    frames.done()
    assert painter.free and frames.take() == []
    painter.publish(painted(300, 200, 1), [Box(i, 0, 1, 1) for i in range(MAX_RECTANGLES + 1)])
    assert frames.take() == [frames.whole]
    painter.close()


boxes = st.builds(
    lambda x, y, w, h: Box(x, y, min(w, 300 - x), min(h, 200 - y)),
    *(st.integers(0, 299), st.integers(0, 199), st.integers(1, 300), st.integers(1, 200)),
)


@given(st.lists(boxes, min_size=1, max_size=30), st.floats(1e-6, 1e-2), st.floats(0, 1e-6))
def test_slices_show_exactly_what_changed_whatever_they_cost(changed, fixed_s, pixel_s):
    frames = Frames.create(300, 200)
    try:
        screen = opaque(300, 200)
        now, shown = [0.0], []

        def show(slice_):
            shown.extend(slice_)
            now[0] += fixed_s + pixel_s * sum(b.w * b.h for b in slice_)

        presenter = Presenter(screen, show, clock=lambda: now[0])
        presenter.use(frames)
        canvas = painted(300, 200, 2)
        frames.publish(canvas, changed)
        steps = 0
        while presenter.step():
            steps += 1
            assert frames.free != presenter.busy, "the painter gets its turn after the last slice"
        wanted = np.zeros((300, 200), bool)
        for box in changed:
            wanted[box.x : box.right, box.y : box.bottom] = True
        same = (pygame.surfarray.array3d(screen) == pygame.surfarray.array3d(canvas)).all(axis=2)
        assert same[wanted].all()
        assert sum(b.w * b.h for b in shown) == sum(b.w * b.h for b in changed), "nothing twice, nothing left out"
        assert frames.free and not presenter.step() and steps == presenter.slices_shown
    finally:
        frames.close()


@pytest.mark.parametrize(("fixed_s", "pixel_s"), [(0.1e-3, 1e-9), (0.05e-3, 20e-9), (0.01e-3, 100e-9)])
def test_slices_learn_to_stay_short(frames, fixed_s, pixel_s):
    now, took = [0.0], []

    def show(slice_):
        took.append(fixed_s + pixel_s * sum(b.w * b.h for b in slice_))
        now[0] += took[-1]

    presenter = Presenter(opaque(300, 200), show, clock=lambda: now[0])
    presenter.use(frames)
    canvas = painted(300, 200, 3)
    for _ in range(60):
        frames.publish(canvas, [frames.whole])
        while presenter.step():
            pass
    assert max(took[-20:]) <= 0.4e-3


def test_where_each_showing_has_a_price_slices_are_few(frames):
    """Some systems show the whole window whatever is asked; then many slices would make it worse."""
    now, count = [0.0], [0]

    def show(slice_):
        count[0] += 1
        now[0] += 3e-3

    presenter = Presenter(opaque(300, 200), show, clock=lambda: now[0])
    presenter.use(frames)
    for _ in range(50):
        count[0] = 0
        frames.publish(painted(300, 200, 3), [frames.whole])
        while presenter.step():
            pass
    assert count[0] == 1


def test_a_lost_window_is_shown_again_from_the_last_picture(frames):
    screen = opaque(300, 200)
    presenter = Presenter(screen, show=lambda slice_: None)
    presenter.use(frames)
    presenter.refresh()
    assert not presenter.step(), "nothing was painted yet"
    canvas = painted(300, 200, 4)
    frames.publish(canvas, [frames.whole])
    while presenter.step():
        pass
    screen.fill((0, 0, 0))
    presenter.refresh()
    while presenter.step():
        pass
    assert np.array_equal(pygame.surfarray.array3d(screen), pygame.surfarray.array3d(canvas))


def test_the_painter_follows_the_window_from_size_to_size():
    with Stage.create(8) as stage:
        painter = Painter(stage)
        assert not painter.turn(), "no window yet"
        for size in ((320, 240), (400, 300)):
            frames = Frames.create(*size)
            stage.show_frames(frames.shared_name, *size)
            painter.turn()
            assert frames.take() == [frames.whole]
            assert pygame.surfarray.array3d(frames.surface).any()
            frames.done()
            painter.turn()
            assert frames.take() == [], "nothing changed, nothing comes"
            stage.press(3)
            assert painter.turn(), "a light is on: the picture moves"
            assert frames.take()
            stage.release(3)
            frames.close()
        painter.close()


def test_frames_that_are_gone_before_the_painter_came_are_waited_out():
    with Stage.create(8) as stage:
        painter = Painter(stage)
        stage.show_frames("pianogenie-never-was", 320, 240)
        assert not painter.turn()
        frames = Frames.create(320, 240)
        stage.show_frames(frames.shared_name, 320, 240)
        painter.turn()
        assert frames.take() == [frames.whole]
        painter.close()
        frames.close()


def test_a_busy_window_gets_everything_in_the_end():
    with Stage.create(8) as stage:
        painter = Painter(stage)
        frames = Frames.create(320, 240)
        stage.show_frames(frames.shared_name, 320, 240)
        painter.turn()
        for button in (0, 7):
            stage.press(button)
            painter.turn()  # the window has not shown the first picture yet
        assert frames.take() == [frames.whole]
        frames.done()
        painter.turn()
        changed = frames.take()
        assert min(b.x for b in changed) < 40 and max(b.right for b in changed) > 280
        painter.close()
        frames.close()
