"""MIDI controllers: which notes are buttons, and what messages do to hands."""

import contextlib
import itertools
import threading
import time
from types import SimpleNamespace
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pianogenie.events import Pedal, Press, Release
from pianogenie.inputs.hands import Hands
from pianogenie.inputs.midi_in import MidiInput
from pianogenie.inputs.midi_layout import NO_BUTTON, tables
from pianogenie.midi_ports import Port
from pianogenie.settings import Midi

KEYS, DRUMS = 0, 9
WHITE = (0, 2, 4, 5, 7, 9, 11)


def wait_for(condition, seconds=5):
    by = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < by, "it never came"
        time.sleep(0.0005)


class FakeClient:
    deleted = False
    ignores = frozenset({"sysex", "timing", "active_sense"})  # as rtmidi's own do

    def ignore_types(self, **kinds):
        self.ignores = {kind for kind in self.ignores if kinds.get(kind, True)}

    def set_callback(self, callback):
        self.say = lambda *message: callback((list(message), 0.0), None)

    def cancel_callback(self):
        self.say = lambda *message: None

    def get_message(self):
        return None

    def delete(self):
        self.deleted = True


class Counted(MidiInput):
    """Counts what it has acted on."""

    taken = 0

    def take(self, message):
        super().take(message)
        self.taken += 1


class Player:
    """Hands that a controller moves; what they did is kept."""

    def __init__(self, name="Keystation 20:0", learnt=None, num_buttons=8):
        self.events, self.panics = [], []
        self.hands = Hands(self.events.append, lambda: 0.0, num_buttons, self.panics.append)
        self.input = Counted(self.hands, name, learnt or {})
        self.plug(FakeClient(), name)

    def plug(self, client, name):
        self.client = client
        assert self.input.use(client, Port(0, 0, name))
        self.input.start()

    def say(self, *message):
        wanted = self.input.taken + 1
        self.client.say(*message)
        wait_for(lambda: self.input.taken >= wanted or message == (0xFE,))

    @property
    def said(self):
        return [(type(e).__name__, e.value if isinstance(e, Pedal) else e.button) for e in self.events]


def plays(name, num_buttons, channel, learnt=None):
    return tables(name, learnt or {}, num_buttons)[channel]


@pytest.mark.parametrize("num_buttons", range(1, 13))
def test_white_keys_rise_from_middle_c_and_begin_anew(num_buttons):
    table = plays("Keystation", num_buttons, KEYS)
    white = [note for note in range(128) if note % 12 in WHITE]
    assert table[60] == 0
    assert all((table[b] - table[a]) % num_buttons == 1 % num_buttons for a, b in itertools.pairwise(white))
    assert all(table[note] == NO_BUTTON for note in range(128) if note % 12 not in WHITE)


@pytest.mark.parametrize("num_buttons", range(1, 13))
def test_pads_rise_from_note_36_on_the_drum_channel_and_on_devices_that_are_pads(num_buttons):
    for table in (plays("MPK mini", num_buttons, DRUMS), plays("Akai LPD8 MIDI 1", num_buttons, KEYS)):
        assert [table[36 + i] for i in range(2 * num_buttons)] == list(range(num_buttons)) * 2


def test_what_was_taught_plays_on_every_channel_and_nothing_else_does():
    learnt = {"lpd8": Midi(notes=(40, 36, 99))}
    for channel in range(16):
        table = plays("Akai LPD8:MIDI 1", 8, channel, learnt)
        assert {note: button for note, button in enumerate(table) if button != NO_BUTTON} == {40: 0, 36: 1, 99: 2}
    assert plays("LPD8", 2, 0, learnt)[99] == NO_BUTTON, "the model has but two buttons"


def test_velocity_is_taken_over_and_a_note_on_without_any_is_a_release():
    player = Player()
    player.say(0x90, 60, 17)
    player.say(0x90, 64, 127)
    player.say(0x90, 60, 0)
    player.say(0x80, 64, 64)
    assert player.events == [Press(0, 0.0, 17), Press(2, 0.0, 127), Release(0, 0.0), Release(2, 0.0)]


def test_one_note_on_two_channels_is_two_presses_and_sounds_until_both_are_up():
    player = Player()
    player.say(0x90, 60, 50)
    player.say(0x93, 60, 60)
    player.say(0x80, 60, 0)
    assert player.said == [("Press", 0), ("Press", 0)]
    player.say(0x83, 60, 0)
    assert player.said[2:] == [("Release", 0)]


def test_the_pedal_is_continuous():
    player = Player()
    for value in (3, 64, 127, 90, 0):
        player.say(0xB0, 64, value)
    assert player.events == [Pedal(value, 0.0) for value in (3, 64, 127, 90, 0)]


def test_all_notes_off_lets_its_channel_go_and_all_sound_off_is_a_panic():
    player = Player()
    player.say(0x90, 60, 50)
    player.say(0x91, 62, 50)
    player.say(0xB0, 123, 0)
    assert player.said == [("Press", 0), ("Press", 1), ("Release", 0)]
    player.say(0xB5, 120, 0)
    assert len(player.panics) == 1
    player.say(0xB0, 64, 100)
    player.say(0xB0, 121, 0)
    assert player.said[-2:] == [("Pedal", 100), ("Pedal", 0)]


def test_a_controller_that_says_it_is_there_and_falls_silent_lets_go(monkeypatch):
    """Its cable is out of an interface that is there still."""
    player, now = Player(), [100.0]
    monkeypatch.setattr("pianogenie.inputs.midi_in.time", SimpleNamespace(monotonic=lambda: now[0], sleep=time.sleep))
    assert "active_sense" not in player.client.ignores
    player.say(0x90, 60, 50)
    now[0] += 60
    player.input.listen()
    assert player.said == [("Press", 0)], "of one that never said so silence means nothing"
    player.client.say(0xFE)
    now[0] += 0.3
    player.say(0xB0, 64, 90)
    now[0] += 0.3
    player.input.listen()
    assert player.said[1:] == [("Pedal", 90)], "any message shows that it is there"
    now[0] += 0.3
    player.input.listen()
    player.input.listen()
    assert sorted(player.said[2:]) == [("Pedal", 0), ("Release", 0)]
    player.client.say(0xFE)
    player.say(0x90, 62, 50)
    assert player.said[4:] == [("Press", 1)]


def test_a_clock_shows_that_a_controller_is_there_and_is_no_note(monkeypatch):
    player, now = Player(), [100.0]
    monkeypatch.setattr("pianogenie.inputs.midi_in.time", SimpleNamespace(monotonic=lambda: now[0], sleep=time.sleep))
    assert "timing" not in player.client.ignores
    player.client.say(0xFE)
    player.say(0x90, 60, 50)
    for _ in range(20):
        now[0] += 0.3
        player.client.say(0xF8)
        player.input.listen()
    assert player.said == [("Press", 0)]


def test_a_port_that_goes_away_lets_go_and_one_that_returns_plays():
    player = Player()
    player.say(0x90, 60, 50)
    player.say(0x90, 64, 50)
    player.say(0xB2, 64, 99)
    player.input.leave()
    assert sorted(player.said[3:]) == [("Pedal", 0), ("Release", 0), ("Release", 2)]
    assert player.client.deleted and player.input.missing
    player.input.take([0x90, 60, 50])  # a straggler
    assert len(player.events) == 6
    player.plug(FakeClient(), "Keystation 24:0")
    player.say(0x90, 65, 50)
    assert player.said[6:] == [("Press", 3)] and not player.input.missing and player.input.name == "Keystation 24:0"


def test_a_chord_that_comes_note_by_note_is_played_together():
    """And in its order, with the thread that it came on free again at once."""
    said, first, go_on = [], threading.Event(), threading.Event()

    @contextlib.contextmanager
    def together():
        said.append("together")
        yield
        said.append("done")

    def play(event):
        said.append(event.button)
        first.set()
        assert go_on.wait(5)

    client = FakeClient()
    device = MidiInput(Hands(play, lambda: 0.0, 8, together=together), "Keystation", {})
    device.use(client, Port(0, 0, "Keystation"))
    device.start()
    client.say(0x90, 60, 50)
    assert first.wait(5)
    client.say(0x90, 64, 50)
    client.say(0x90, 67, 50)
    go_on.set()
    wait_for(lambda: "done" in said)
    assert said[:5] == ["together", 0, 2, 4, "done"]
    device.close()


def test_a_message_that_fails_is_told_and_the_next_is_played(capsys):
    player = Player()
    with mock.patch.object(player.hands, "down", side_effect=[ZeroDivisionError("odd"), None]):
        player.client.say(0x90, 60, 50)
        player.say(0x90, 64, 50)
    assert "ZeroDivisionError: odd" in capsys.readouterr().err
    player.say(0x90, 65, 50)
    assert player.said == [("Press", 3)]


def test_what_comes_back_while_closing_is_closed_again():
    player = Player()
    player.input.close()
    late = FakeClient()
    assert not player.input.use(late, Port(0, 0, "Keystation")) and late.deleted


MESSAGES = st.one_of(
    st.tuples(st.integers(0x80, 0x9F), st.integers(58, 66), st.integers(0, 127)),
    st.tuples(st.integers(0xB0, 0xBF), st.sampled_from([1, 64, 66, 120, 121, 123, 127]), st.integers(0, 127)),
    st.lists(st.integers(0, 255), max_size=4).map(lambda m: tuple(x if i == 0 else x & 127 for i, x in enumerate(m))),
)


@given(st.lists(st.one_of(MESSAGES, st.just("pulled out")), max_size=60), st.integers(1, 10))
def test_whatever_a_controller_sends_presses_and_releases_balance(messages, num_buttons):
    player = Player(num_buttons=num_buttons)
    held, pedal = set(), 0

    def account():
        nonlocal pedal
        for event in player.events:
            if isinstance(event, Press):
                assert 0 <= event.button < num_buttons and 1 <= event.velocity <= 127
                held.add(event.button)
            elif isinstance(event, Release):
                held.remove(event.button)
            else:
                assert event.value != pedal
                pedal = event.value
        player.events.clear()
        if player.panics:
            player.panics.clear()
            held.clear()
            pedal = 0

    for message in messages:
        if message == "pulled out":
            with mock.patch("pianogenie.inputs.midi_in._PATIENCE_S", 0):
                player.input.leave()
            account()
            player.plug(FakeClient(), "Keystation")
            assert not held and pedal == 0
        else:
            player.say(*message)
            account()
    player.hands.all_up()
    account()
    assert not held and pedal == 0
    with mock.patch("pianogenie.inputs.midi_in._PATIENCE_S", 0):
        player.input.close()
