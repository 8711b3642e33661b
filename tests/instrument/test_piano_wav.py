"""What is heard in a rendered WAV file."""

import itertools

import numpy as np
import pytest

from pianogenie.errors import UserError
from pianogenie.events import NoteOff, NoteOn, Pedal
from pianogenie.piano import offline, touch
from pianogenie.piano.offline import render_wav
from pianogenie.piano.samples import Samples
from tests.instrument.piano_ears import RATE_HZ, cents_off, heard, level, stretches, tone


@pytest.fixture(scope="module")
def samples() -> Samples:
    return Samples()


@pytest.fixture
def play(samples, tmp_path):
    """Render events and give what is heard."""
    numbers = itertools.count()

    def rendered(*events) -> np.ndarray:
        path = tmp_path / f"{next(numbers)}.wav"
        seconds = render_wav(events, path, samples=samples)
        sound = heard(path)
        assert len(sound) == round(seconds * RATE_HZ)
        return sound

    return rendered


def note(key, start, end, velocity=80):
    return NoteOn(key, velocity, 0, start), NoteOff(key, end)


def test_notes_are_heard_when_they_are_struck_and_until_they_are_damped(play):
    times = (0.25, 1.0, 1.777)
    sound = play(*(event for time in times for event in note(45, time, time + 0.2)))
    spans = stretches(sound)
    assert len(spans) == len(times)
    for time, (start, end) in zip(times, spans, strict=True):
        assert start == pytest.approx(time, abs=0.005)
        assert time + 0.25 < end < time + 0.2 + touch.DAMPING_S[45] + 0.005


def test_a_note_starts_on_its_very_frame(play):
    """Wherever the note lies against the mixer's blocks, the same frames follow."""
    early, late = play(*note(40, 0.0, 0.3)), play(*note(40, 1.23456, 1.53456))
    offset = round(1.23456 * RATE_HZ)
    assert not late[:offset].any()
    frames = round(0.29 * RATE_HZ)
    assert np.array_equal(late[offset : offset + frames], early[:frames])


@pytest.mark.parametrize("key", [20, 39, 40, 41, 55, 64])
def test_pitches_are_right(play, key):
    assert abs(cents_off(play(NoteOn(key, 80, 0, 0.0)), key)) < 20


def test_harder_is_louder(play):
    levels = [level(play(*note(45, 0.0, 0.3, velocity)), 0, 0.15) for velocity in (1, 30, 55, 56, 92, 93, 127)]
    assert levels == sorted(levels)
    assert levels[-1] > 20 * levels[0]


def test_harder_is_brighter(play):
    def brightness(velocity):
        mono = play(*note(39, 0.0, 0.5, velocity))[: RATE_HZ // 2].sum(axis=1)
        power = np.abs(np.fft.rfft(mono)) ** 2
        frequencies = np.fft.rfftfreq(len(mono), 1 / RATE_HZ)
        return float((power * frequencies).sum() / power.sum())

    assert brightness(30) < brightness(75) < brightness(120)


def test_a_held_key_rings_on_where_a_damped_one_is_silent(play):
    held, damped = play(*note(30, 0.0, 2.0)), play(*note(30, 0.0, 0.3))
    assert level(held, 0.8, 1.0) > 0.003
    assert len(damped) < 0.8 * RATE_HZ


def test_damping_is_a_fade_and_not_a_cut(play):
    sound = play(*note(45, 0.0, 0.5))
    levels = [level(sound, 0.5 + step * 0.03, 0.53 + step * 0.03) for step in range(5)]
    assert levels == sorted(levels, reverse=True)
    assert levels[1] > 0.3 * levels[0]


def test_the_pedal_lets_notes_ring_until_it_comes_up(play):
    sound = play(Pedal(127, 0.0), *note(40, 0.1, 0.2), Pedal(0, 1.0))
    assert level(sound, 0.8, 0.95) > 0.002
    [(_, end)] = stretches(sound)
    assert 1.02 < end < 1.0 + touch.DAMPING_S[40] + 0.01


def test_the_top_keys_ring_although_they_are_let_go(play):
    held, let_go = play(NoteOn(75, 90, 0, 0.0)), play(*note(75, 0.0, 0.05, 90))
    assert np.array_equal(held, let_go)


def test_a_restrike_sounds_anew_without_a_click(play):
    sound = play(NoteOn(40, 90, 0, 0.0), NoteOff(40, 1.0), NoteOn(40, 90, 0, 1.0), NoteOff(40, 1.5))
    assert level(sound, 1.0, 1.15) > 1.2 * level(sound, 0.8, 0.95)
    steps = np.abs(np.diff(sound.sum(axis=1)))
    around = steps[round(0.99 * RATE_HZ) : round(1.1 * RATE_HZ)].max()
    assert around < 1.5 * steps[: round(0.2 * RATE_HZ)].max()


def test_the_sixty_fifth_voice_is_heard_and_the_quietest_makes_room(play):
    soft, loud = 30, 45
    crowd = [key for key in range(65) if key not in (soft, loud)]
    events = [NoteOn(key, 40, 0, 0.0) for key in crowd]
    before = play(*events, NoteOn(soft, 1, 0, 0.0))
    after = play(*events, NoteOn(soft, 1, 0, 0.0), NoteOn(loud, 120, 0, 0.5))
    window = slice(round(0.6 * RATE_HZ), round(1.6 * RATE_HZ))
    assert tone(after[window], loud) > 2 * tone(before[window], loud)
    assert np.array_equal(after[: RATE_HZ // 2], before[: RATE_HZ // 2])
    loud_alone, soft_alone = play(NoteOn(loud, 120, 0, 0.5)), play(NoteOn(soft, 1, 0, 0.0))
    missing = before[window] + loud_alone[window] - after[window]
    assert np.corrcoef(missing.ravel(), soft_alone[window].ravel())[0, 1] > 0.9


def test_dense_fortissimo_does_not_clip(play):
    chord = (3, 15, 27, 31, 34, 39, 43, 46, 51, 55, 58, 63)
    events = [Pedal(127, 0.0)]
    events += [NoteOn(key + shift, 127, 0, shift * 0.15) for shift in range(8) for key in chord]
    sound = play(*events)
    assert 0.6 < np.abs(sound).max() <= offline.CEILING + 1e-4


def test_a_single_hard_note_is_far_from_the_ceiling_and_left_as_it_is(play, samples):
    sound = play(NoteOn(39, 127, 0, 0.0))
    assert 0.1 < np.abs(sound).max() < 0.5
    raw = samples.sound(39, 2)
    assert np.abs(sound[: len(raw)] * 32768 - raw).max() <= 1


def test_what_is_below_the_bend_is_untouched_and_nothing_reaches_full_scale():
    mix = np.linspace(-4, 4, 10_001, dtype=np.float32)[:, None].repeat(2, 1)
    bent = offline.bent(mix)
    small = np.abs(mix) <= offline.BENT_FROM
    assert np.array_equal(bent[small], mix[small])
    assert np.abs(bent).max() <= offline.CEILING + 1e-6
    assert (np.diff(bent[:, 0]) >= 0).all()


def test_same_events_same_bytes(samples, tmp_path):
    events = [event for i in range(30) for event in note(30 + i, i * 0.05, i * 0.05 + 0.4, 30 + 3 * i)]
    events.sort(key=lambda event: event.time)
    for name in "ab":
        render_wav(iter(events), tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_nothing_to_play_is_a_short_silence(play):
    sound = play()
    assert 0 < len(sound) < 2 * RATE_HZ
    assert not sound.any()


def test_a_path_that_cannot_be_written_is_named_and_nothing_left(samples, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UserError, match="file"):
        render_wav([NoteOn(40, 80, 0, 0.0)], tmp_path / "file" / "x.wav", samples=samples)
    with pytest.raises(UserError, match="6 hours"):
        render_wav([NoteOn(40, 80, 0, 1e9)], tmp_path / "long.wav", samples=samples)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
