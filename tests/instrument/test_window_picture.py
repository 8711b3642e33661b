"""What is painted: keys light up, ribbons rise, buttons go down; and only what changed is painted again."""

import numpy as np
import pygame
import pytest

from pianogenie.events import NoteOff, NoteOn, Pedal, Press, Release
from pianogenie.window.colours import oklch, tints
from pianogenie.window.layout import Box, lay_out
from pianogenie.window.picture import Picture, paint_moment
from pianogenie.window.stage import Stage, StageOutput
from pianogenie.window.text import Lettering, shortened

SIZE = (800, 500)
LAYOUT = lay_out(*SIZE, 8)


def pixels(surface):
    """[height, width, 3], 0..255."""
    return pygame.surfarray.array3d(surface).swapaxes(0, 1).astype(int)


def part(picture, box):
    return picture[box.y : box.bottom, box.x : box.right]


def hue_distance(colour, other):
    """How far two colours' directions from grey are apart."""
    one, two = (np.asarray(c, float) - np.mean(c) for c in (colour, other))
    return np.linalg.norm(one / np.linalg.norm(one) - two / np.linalg.norm(two))


def visible(key):
    """The part of a white key (a low strip) or a black one that nothing covers."""
    box = LAYOUT.keys[key]
    return Box(box.x + 2, box.y + box.h // 2 + 2, box.w - 4, box.h // 2 - 6) if key in (39, 51) else box


@pytest.mark.parametrize("key", [39, 51, 40, 86 - 1])
@pytest.mark.parametrize("button", [0, 3, 6])
def test_a_struck_key_takes_the_colour_of_its_button(key, button):
    idle = pixels(paint_moment([], 1.0, SIZE))
    lit = pixels(paint_moment([NoteOn(key, 100, button, 0.9)], 1.0, SIZE))
    box = LAYOUT.keys[key]
    middle = Box(box.x + box.w // 2 - 1, box.y + round(0.55 * box.h), 2, 4)
    colour = part(lit, middle).mean(axis=(0, 1))
    before = part(idle, middle).mean(axis=(0, 1))
    assert np.abs(colour - before).sum() > 60
    distances = [hue_distance(colour, t.lit) for t in tints(8)]
    assert int(np.argmin(distances)) == button


def test_a_key_let_go_is_as_it_was():
    idle = pixels(paint_moment([], 9.0, SIZE))
    events = [NoteOn(39, 100, 2, 0.5), NoteOff(39, 0.8), NoteOn(40, 90, 1, 0.6), NoteOff(40, 1.0)]
    after = pixels(paint_moment(events, 9.0, SIZE))
    assert np.array_equal(idle, after), "no trace is left once ribbons have gone"


def ribbon_rows(picture, key):
    """The rows of the ribbons' area where a key's lane is brighter than at rest."""
    idle = pixels(paint_moment([], 1.0, SIZE))
    x = round(LAYOUT.ribbon_centre(key))
    lane = (picture - idle)[: LAYOUT.ribbons.bottom, x - 1 : x + 2].sum(axis=(1, 2))
    return np.flatnonzero(lane > 30)


def test_a_ribbon_grows_while_the_note_sounds_then_rises():
    note = [NoteOn(39, 110, 4, 1.0)]
    young = ribbon_rows(pixels(paint_moment(note, 1.3, SIZE)), 39)
    older = ribbon_rows(pixels(paint_moment(note, 1.8, SIZE)), 39)
    assert young.max() == older.max() == LAYOUT.ribbons.bottom - 1, "it leaves the key"
    assert older.min() < young.min(), "and reaches higher"
    gone = [*note, NoteOff(39, 1.8)]
    free = ribbon_rows(pixels(paint_moment(gone, 2.3, SIZE)), 39)
    assert free.max() < LAYOUT.ribbons.bottom - 10, "let go, it rises"
    assert np.ptp(free) == pytest.approx(np.ptp(older), abs=8), "as long as the note was"


def test_a_louder_note_is_brighter():
    soft, loud = (pixels(paint_moment([NoteOn(39, v, 4, 1.0)], 1.8, SIZE)) for v in (25, 120))
    assert part(loud, LAYOUT.ribbons).sum() > part(soft, LAYOUT.ribbons).sum() + 1000


def test_a_note_shorter_than_a_frame_is_seen():
    stage = Stage.local(8)
    picture = Picture(LAYOUT)
    picture.paint(stage.read(), 0.0)
    idle = pixels(picture.canvas)
    stage.strike(39, 2, 100, 0.001)
    stage.let_go(39, 0.002)
    stage.press(2)
    stage.release(2)
    picture.paint(stage.read(), 0.016)
    assert len(ribbon_rows(pixels(picture.canvas), 39)) >= 2
    assert np.abs(part(pixels(picture.canvas), LAYOUT.buttons[2]) - part(idle, LAYOUT.buttons[2])).sum() > 10_000


def test_held_buttons_light_up_and_come_back():
    idle = pixels(paint_moment([], 1.0, SIZE))
    held = pixels(paint_moment([Press(5, 0.9)], 1.0, SIZE))
    assert part(held, LAYOUT.buttons[5]).sum() > part(idle, LAYOUT.buttons[5]).sum()
    assert np.array_equal(part(held, LAYOUT.buttons[1]), part(idle, LAYOUT.buttons[1]))
    back = pixels(paint_moment([Press(5, 0.9), Release(5, 0.95)], 3.0, SIZE))
    assert np.array_equal(back, idle)


def test_status_and_pedal_are_shown():
    plain = pixels(paint_moment([], 1.0, SIZE))
    told = pixels(paint_moment([], 1.0, SIZE, status="classical · built-in piano"))
    down = pixels(paint_moment([Pedal(127, 0.5)], 1.0, SIZE))
    left, right = LAYOUT.status.x, LAYOUT.status.right
    for other, side in ((told, slice(left, right // 2)), (down, slice(right // 2, right))):
        rows, columns = np.nonzero(np.abs(other - plain).sum(axis=2))
        assert rows.min() >= LAYOUT.status.y and rows.max() < LAYOUT.status.bottom
        assert columns.min() >= side.start and columns.max() < side.stop


@pytest.mark.parametrize("size", [(320, 240), (480, 800), (1280, 720), (2000, 300)])
@pytest.mark.parametrize("num_buttons", [1, 8, 12])
def test_every_window_can_be_painted(size, num_buttons):
    events = [Press(0, 0.1), NoteOn(0, 127, 0, 0.1), NoteOn(87, 1, num_buttons - 1, 0.2)]
    surface = paint_moment(events, 0.5, size, num_buttons, status="a very long line of text " * 20)
    assert surface.get_size() == size


def test_painting_only_what_changed_gives_the_same_picture_as_painting_all():
    rng = np.random.default_rng(5)
    stage = Stage.local(8)
    now = 0.0
    output = StageOutput(stage, clock=lambda: now)
    picture = Picture(LAYOUT)
    copy = picture.canvas.copy()
    for step in range(150):
        now = step / 60
        key, button = int(rng.integers(30, 50)), int(rng.integers(8))
        match step % 4:
            case 0:
                output.witness(Press(button, now))
                output.send(NoteOn(key, 90, button, now))
            case 1:
                output.send(NoteOff(key, now))
                output.witness(Release(button, now))
            case 2 if step % 20 == 2:
                output.send(Pedal(int(rng.integers(128)), now))
                stage.status = f"step {step}"
        # Whoever copies just the boxes that `paint` names has the whole picture.
        for box in picture.paint(stage.read(), now):
            copy.blit(picture.canvas, (box.x, box.y), box)
        if step % 15 == 14:
            assert np.array_equal(pixels(copy), pixels(picture.canvas)), f"frame {step}"


def test_a_picture_at_rest_paints_nothing_and_says_so():
    stage = Stage.local(8)
    picture = Picture(LAYOUT)
    picture.paint(stage.read(), 0.0)
    assert not picture.moving
    assert picture.paint(stage.read(), 0.1) == []
    stage.strike(40, 1, 80, 0.2)
    assert picture.paint(stage.read(), 0.2)
    assert picture.moving
    stage.let_go(40, 0.5)
    for frame in range(60):
        picture.paint(stage.read(), 0.5 + frame / 10)
    assert not picture.moving


@pytest.mark.parametrize("num_buttons", [4, 8, 10])
def test_neighbouring_buttons_differ_also_for_colour_blind_eyes(num_buttons):
    # Machado, Oliveira and Fernandes (2009), severity 1: protanopia, deuteranopia, tritanopia; linear RGB.
    sights = [
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
    ]
    linear = np.array([t.lit for t in tints(num_buttons)]) ** 2.2
    for sight in sights:
        seen = np.clip(linear @ np.array(sight).T, 0, 1) ** (1 / 2.2)
        steps = np.linalg.norm(np.diff(seen, axis=0), axis=1)
        assert steps.min() > 0.05


def test_lightness_is_even_across_the_buttons():
    def lightness(colour):
        return np.cbrt(np.dot(np.array(colour) ** 2.2, [0.2126, 0.7152, 0.0722]))

    values = [lightness(t.lit) for t in tints(8)]
    assert max(values) - min(values) < 0.13
    assert oklch(1.0, 0.0, 0.0) == pytest.approx((1, 1, 1), abs=0.01)


def test_text_that_does_not_fit_is_shortened():
    font = Lettering().font("medium", 16)
    text = "classical · built-in piano · a MIDI port with quite a name"
    assert shortened(text, font, 10_000) == text
    short = shortened(text, font, 150)
    assert short.endswith("…") and font.size(short)[0] <= 150 and text.startswith(short[:-1])
    assert shortened(text, font, 1) == ""
    assert shortened("a\nb\0c", font, 500) == "abc"
