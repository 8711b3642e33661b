"""The book of voices: who starts, who fades, and who makes room."""

import pytest

from pianogenie.events import NoteOff, NoteOn, Pedal
from pianogenie.piano import touch
from pianogenie.piano.voices import MAX_VOICES, NUM_SLOTS, Voices

LENGTH_S = 10.0


class Log:
    """A mixer that only remembers: starts as (key, slot), fades as (key, seconds)."""

    def __init__(self, length_s: float = LENGTH_S) -> None:
        self.started: list[tuple[int, int]] = []
        self.faded: list[tuple[int, float]] = []
        self.key_in: dict[int, int] = {}
        self.voices = Voices(self._start, self._fade, lambda key, layer: length_s)

    def _start(self, slot, key, layer, volume, time):
        self.started.append((key, slot))
        self.key_in[slot] = key

    def _fade(self, slot, seconds, time):
        self.faded.append((self.key_in[slot], seconds))

    def on(self, key, time, velocity=80):
        self.voices.handle(NoteOn(key, velocity, 0, time))

    def off(self, key, time):
        self.voices.handle(NoteOff(key, time))

    def pedal(self, value, time):
        self.voices.handle(Pedal(value, time))


def test_letting_go_damps_the_key_longer_in_the_bass():
    log = Log()
    for key in (0, 60):
        log.on(key, 0.0)
        log.off(key, 1.0)
    (low, low_s), (high, high_s) = log.faded
    assert (low, high) == (0, 60)
    assert 0.25 >= low_s > high_s >= 0.15


def test_the_top_keys_have_no_dampers():
    log = Log()
    log.on(touch.FIRST_UNDAMPED_KEY, 0.0)
    log.off(touch.FIRST_UNDAMPED_KEY, 0.1)
    assert log.faded == []


def test_the_pedal_holds_what_is_let_go_until_it_comes_up():
    log = Log()
    log.pedal(64, 0.0)
    log.on(40, 0.1)
    log.on(50, 0.1)
    log.off(40, 0.2)
    assert log.faded == []
    log.pedal(90, 0.3)
    log.pedal(63, 0.4)
    assert [key for key, _ in log.faded] == [40]
    log.off(50, 0.5)
    assert [key for key, _ in log.faded] == [40, 50]


def test_a_restrike_fades_the_old_voice_fast_and_takes_another_slot():
    log = Log()
    log.on(40, 0.0)
    log.on(40, 1.0)
    assert log.faded == [(40, touch.RESTRIKE_FADE_S)]
    assert len({slot for _, slot in log.started}) == 2
    log.off(40, 2.0)
    assert len(log.faded) == 2


def test_a_slot_is_faded_at_most_once_a_strike():
    log = Log()
    log.on(40, 0.0)
    log.off(40, 1.0)
    log.on(40, 1.05)
    assert len(log.faded) == 1, "the damper is falling already"


def test_released_voices_make_room_first_the_longest_released_before_the_others():
    log = Log()
    top = list(range(touch.FIRST_UNDAMPED_KEY, touch.FIRST_UNDAMPED_KEY + 4))
    others = list(range(MAX_VOICES - len(top)))
    for key in others + top:
        log.on(key, 0.0)
    for time, key in enumerate(reversed(top), start=1):
        log.off(key, float(time))
    log.on(65, 5.0)
    log.on(66, 5.0)
    assert [key for key, _ in log.faded] == [top[3], top[2]]


def test_then_pedalled_voices_then_the_quietest_held_one():
    log = Log()
    for key in range(MAX_VOICES):
        log.on(key, 0.0, velocity=20 if key == 33 else 100)
    log.pedal(127, 0.1)
    log.off(12, 0.2)
    log.on(80, 0.3)
    log.on(81, 0.3)
    assert log.faded == [(12, touch.RESTRIKE_FADE_S), (33, touch.RESTRIKE_FADE_S)]


def test_voices_that_died_away_make_room_silently():
    log = Log(length_s=1.0)
    for key in range(MAX_VOICES):
        log.on(key, 0.0)
    for key in range(MAX_VOICES, 88):
        log.on(key, 2.0)
    assert log.faded == []


def test_letting_go_of_a_key_whose_sound_is_over_leaves_its_slot_s_next_voice_alone():
    log = Log(length_s=1.0)
    log.on(10, 0.0)
    for number in range(NUM_SLOTS):
        log.on(20 + number % 60, 2.0 + number * 2)
    faded = list(log.faded)
    log.off(10, 500.0)
    assert log.faded == faded


def test_fast_repetition_never_cuts_a_sounding_slot():
    log = Log()
    ends = dict.fromkeys(range(NUM_SLOTS), 0.0)
    for number in range(2000):
        time = number / 100
        log.on(number % 7 + 40, time)
        slot = log.started[-1][1]
        assert ends[slot] <= time
        ends[slot] = time + 7 / 100 + touch.RESTRIKE_FADE_S


def test_never_more_than_the_allowed_voices_ring():
    log = Log()
    for number in range(1000):
        log.on((number * 37) % 88, number / 1000)
    assert len(log.started) - len(log.faded) <= MAX_VOICES


def test_a_note_off_for_a_silent_key_does_nothing():
    log = Log()
    log.off(3, 0.0)
    log.pedal(0, 0.1)
    assert log.started == [] and log.faded == []


@pytest.mark.parametrize("velocity", [1, 55, 56, 92, 93, 127])
def test_every_velocity_has_a_layer_and_a_volume(velocity):
    layer, volume = touch.STRIKES[velocity]
    assert touch.LAYER_TOPS[layer] >= velocity
    assert 1 <= volume <= touch.FULL_VOLUME
