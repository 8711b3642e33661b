"""The samples as the player gets them: levels, pitches, lengths, and what lies in assets/piano."""

import json
import shutil

import numpy as np
import pytest

from pianogenie.errors import UserError
from pianogenie.keys import NUM_KEYS
from pianogenie.paths import assets_dir
from pianogenie.piano import touch
from pianogenie.piano.samples import Samples
from tests.instrument.piano_ears import RATE_HZ, cents_off

ATTACK = slice(0, round(0.15 * RATE_HZ))


@pytest.fixture(scope="module")
def samples() -> Samples:
    return Samples()


@pytest.fixture(scope="module")
def sounds(samples) -> dict[tuple[int, int], np.ndarray]:
    return {which: samples.sound(*which) for which in samples.from_the_middle()}


def attack_db(sound: np.ndarray, volume: int) -> float:
    return 10 * np.log10(np.mean((sound[ATTACK] * (volume / touch.FULL_VOLUME / 32768)) ** 2))


def test_every_key_has_every_layer(sounds):
    assert len(sounds) == NUM_KEYS * touch.NUM_LAYERS
    assert {sound.dtype for sound in sounds.values()} == {np.dtype(np.int16)}


def test_all_sounds_fit_into_the_memory_that_the_instrument_has_for_them(sounds):
    assert sum(sound.nbytes for sound in sounds.values()) < 110e6


def test_lengths_are_known_without_making_the_sound(samples, sounds):
    for (key, layer), sound in sounds.items():
        assert samples.length_s(key, layer) == pytest.approx(len(sound) / RATE_HZ, abs=2 / RATE_HZ)


def test_low_keys_ring_longer_than_high_ones(samples):
    lengths = [samples.length_s(key, 2) for key in range(0, NUM_KEYS, 6)]
    assert lengths == sorted(lengths, reverse=True)


def test_loudness_rises_with_velocity_and_never_jumps_at_any_key(sounds):
    for key in range(NUM_KEYS):
        levels = [attack_db(sounds[key, layer], volume) for layer, volume in touch.STRIKES[1:]]
        steps = np.diff(levels)
        assert steps.min() > -0.05, f"key {key}: velocity {steps.argmin() + 2} is softer than the one below"
        assert steps.max() < 1.5, f"key {key}: a jump at velocity {steps.argmax() + 2}"
        assert levels[-1] - levels[0] > 25


def test_no_key_sticks_out_among_its_neighbours(sounds):
    levels = [attack_db(sounds[key, 2], touch.FULL_VOLUME) for key in range(NUM_KEYS)]
    assert np.abs(np.diff(levels)).max() < 1.5


def test_sounds_begin_at_once(sounds):
    for (key, layer), sound in sounds.items():
        size = np.abs(sound).max(axis=1)
        first = np.argmax(size > 0.03 * size.max())
        assert first < 0.005 * RATE_HZ, f"key {key}, layer {layer}: {first} frames of near silence"
        assert size[0] < 0.03 * size.max(), "starts with a step"
        assert size[-1] < 0.01 * size.max(), "ends with a step"


def test_pitches_are_right(sounds):
    """Within 20 cents of equal temperament, from F1 up: below, the key's own frequency is hardly in its sound."""
    for key in range(8, NUM_KEYS):
        assert abs(cents_off(sounds[key, 1][: 2 * RATE_HZ], key)) < 20, f"key {key}"


def test_shifted_keys_keep_the_step_from_their_sampled_neighbour(sounds):
    for key in (28, 31, 37, 40, 46, 52, 58):
        steps = cents_off(sounds[key + 1, 1], key + 1) - cents_off(sounds[key, 1], key)
        assert abs(steps) < 12


def test_another_rate_plays_at_the_same_pitch():
    sound = Samples(rate_hz=48_000).sound(40, 1)
    assert len(sound) / 48_000 == pytest.approx(Samples().length_s(40, 1), abs=1e-3)


def test_assets_are_small_and_carry_their_licence():
    folder = assets_dir() / "piano"
    assert sum(path.stat().st_size for path in folder.iterdir()) <= 12e6
    licence = (folder / "LICENSE.md").read_text(encoding="utf-8")
    for needed in ("Alexander Holm", "CC BY 3.0", "creativecommons.org/licenses/by/3.0", "What was changed"):
        assert needed in licence
    listed = {sample["file"] for sample in json.loads((folder / "piano.json").read_text())["samples"]}
    assert listed == {path.name for path in folder.glob("*.ogg")}


def test_missing_and_broken_samples_are_named(tmp_path):
    with pytest.raises(UserError, match=r"piano\.json"):
        Samples(tmp_path)
    (tmp_path / "piano.json").write_text('{"format": "pianogenie-piano/1"}')
    with pytest.raises(UserError, match=r"piano\.json"):
        Samples(tmp_path)
    shutil.copytree(assets_dir() / "piano", tmp_path / "copy")
    (tmp_path / "copy" / "060-mid.ogg").write_bytes(b"not a sound")
    with pytest.raises(UserError, match=r"060-mid\.ogg"):
        Samples(tmp_path / "copy").sound(39, 1)
