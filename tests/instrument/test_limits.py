"""What reaches a port: never more than its profile allows, whatever is played; and every note let go again."""

import math

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from pianogenie.events import NoteOff, NoteOn, Pedal
from pianogenie.outputs.books import Books
from pianogenie.outputs.limits import LimitedBooks
from pianogenie.profiles import Profile, Velocity

EPSILON = 1e-9


class Piano:
    """The instrument at the other end: takes the bytes, and refuses what a real one could not do."""

    def __init__(self, profile: Profile):
        self.profile = profile
        self.now = 0.0
        self.struck, self.ended = {}, {}
        self.pedals, self.messages, self.strikes = {}, [], []
        self.unsure = False  # whether note-offs for keys that are up already are to be expected
        self.cutting = False  # whether notes may be cut short: stolen, panic, the end

    def __call__(self, message):
        self.messages.append(message)
        status, data, value = message
        kind, channel = status & 0xF0, (status & 0x0F) + 1
        if kind == 0xB0:
            assert channel in (self.profile.channel, self.profile.half_pedal_channel)
            if data == 64:
                self.pedals[channel] = value
            return
        assert channel == self.profile.channel
        if kind == 0x90:
            self.strike(data, value)
        else:
            self.let_go(data)

    def strike(self, pitch, velocity):
        low, high = self.profile.keys
        assert low <= pitch <= high
        assert self.profile.velocity.floor <= velocity <= self.profile.velocity.ceiling
        assert pitch not in self.struck, "struck while it sounds"
        assert self.now - self.ended.get(pitch, -math.inf) >= self.profile.restrike_ms / 1000 - EPSILON
        assert len(self.struck) < self.profile.most_keys
        self.struck[pitch] = self.now
        self.strikes.append((self.now, pitch, velocity))

    def let_go(self, pitch):
        if self.unsure and pitch not in self.struck:
            return
        length = self.now - self.struck.pop(pitch)
        if not self.cutting and len(self.struck) + 1 < self.profile.most_keys:
            assert length >= self.profile.shortest_note_ms / 1000 - EPSILON
        assert length <= (self.profile.longest_note_s or math.inf) + EPSILON
        self.ended[pitch] = self.now


profiles = st.builds(
    Profile,
    channel=st.integers(1, 16),
    keys=st.sampled_from(((21, 108), (0, 127), (60, 72), (0, 11), (116, 127))),
    most_keys=st.sampled_from((1, 2, 3, 88)),
    restrike_ms=st.sampled_from((0.0, 40.0, 250.0)),
    shortest_note_ms=st.sampled_from((0.0, 50.0)),
    longest_note_s=st.sampled_from((None, 1.0)),
    pedal=st.sampled_from(("continuous", "switch", "none")),
    half_pedal_channel=st.sampled_from((None, 3)),
    velocity=st.just(Velocity(floor=20, ceiling=100)),
)


class LatePiano(Piano):
    """Hears each message by the end of a period: what is no period apart may come together."""

    def __init__(self, profile, period_s):
        super().__init__(profile)
        self._period_s = period_s

    def __call__(self, message):
        written, self.now = self.now, math.ceil(self.now / self._period_s) * self._period_s
        super().__call__(message)
        self.now = written


# Few, so that they meet often; an octave among them, which a small range folds onto one note.
keys = st.sampled_from((39, 40, 51, 87))


class Port(RuleBasedStateMachine):
    """A player, a clock that the test moves, a port that comes and goes."""

    @initialize(profile=profiles, period_s=st.sampled_from((None, 0.003, 1024 / 48_000)))
    def open(self, profile, period_s):
        self.profile, self.late_s = profile, period_s or 0.0
        self.piano = LatePiano(profile, period_s) if period_s else Piano(profile)
        self.books = (
            LimitedBooks(profile, self.piano, self.late_s) if profile.is_limited() else Books(profile, self.piano)
        )
        self.down, self.away = set(), False

    @rule(key=keys, velocity=st.integers(1, 127))
    def press(self, key, velocity):
        if key in self.down:
            self.release(key)
        self.down.add(key)
        self.books.send(NoteOn(key, velocity, 0, 0.0), self.piano.now)

    @rule(key=keys)
    def release(self, key):
        self.down.discard(key)  # a key that is up may be let go again: after a panic it is
        self.books.send(NoteOff(key, 0.0), self.piano.now)

    @rule(value=st.integers(0, 127))
    def move_pedal(self, value):
        self.pedal = value
        self.books.send(Pedal(value, 0.0), self.piano.now)
        if not self.away:
            self.check_pedal(value)

    @rule(seconds=st.sampled_from((0.001, 0.01, 0.04, 0.05, 0.3, 2.5)))
    def wait(self, seconds):
        end = self.piano.now + seconds
        while self.books.soonest <= end:
            before = (self.books.soonest, len(self.piano.messages))
            self.piano.now = max(self.piano.now, self.books.soonest)
            self.books.run(self.piano.now)
            assert (self.books.soonest, len(self.piano.messages)) != before, "it would be woken for ever"
        self.piano.now = end

    @rule()
    def panic(self):
        self.piano.cutting = True
        self.books.panic(self.piano.now)
        self.piano.cutting = False
        self.down.clear()
        if not self.away:
            assert not self.piano.struck
            self.check_pedal(0)

    @rule()
    def pull_out(self):
        if not self.away:
            self.away = True
            self.books.leave(self.piano.now)
            self.written = len(self.piano.messages)

    @rule()
    def plug_in(self):
        if self.away:
            assert len(self.piano.messages) == self.written, "something was written to a port that was away"
            self.away = False
            sounding = set(self.piano.struck)
            self.piano.cutting = self.piano.unsure = True
            # A key that was pulled out while it sounded may have been held for longer than it should.
            earliest = self.piano.now - 1 + self.late_s
            self.piano.struck = {pitch: max(at, earliest) for pitch, at in self.piano.struck.items()}
            self.books.come_back(self.piano, self.piano.now)
            self.piano.cutting = self.piano.unsure = False
            assert set(self.piano.struck) <= sounding, "a key was struck late"
            assert set(self.piano.struck) == set(self.books.sounding())

    @invariant()
    def both_ends_agree(self):
        if hasattr(self, "books") and not self.away:
            assert set(self.books.sounding()) == set(self.piano.struck)

    def teardown(self):
        if not hasattr(self, "books"):
            return
        if self.away:
            self.plug_in()
        for key in list(self.down)[1:]:
            self.release(key)
        self.wait(10)
        assert len(self.piano.struck) <= 1, "a note sounds on though its key is up"
        self.piano.cutting = True
        self.books.silence(self.piano.now)
        self.wait(10)
        assert not self.piano.struck

    def check_pedal(self, value):
        if self.profile.pedal == "switch":
            value = 127 if value >= 64 else 0
        channels = {self.profile.channel, self.profile.half_pedal_channel} - {None}
        expected = {} if self.profile.pedal == "none" else dict.fromkeys(channels, value)
        assert self.piano.pedals == expected


Port.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestPort = Port.TestCase


def played(profile, *steps):
    """Steps of (time, event) through the books; gives (time, pitch, velocity or 0) of what came out."""
    piano, heard = Piano(profile), []
    piano.cutting = True

    def take(message):
        piano(message)
        if message[0] & 0xF0 != 0xB0:
            heard.append((round(piano.now, 6), message[1], message[2] if message[0] & 0xF0 == 0x90 else 0))

    books = LimitedBooks(profile, take)
    for time, event in [*steps, (100.0, None)]:
        while books.soonest <= time:
            piano.now = books.soonest
            books.run(piano.now)
        piano.now = time
        if event is not None:
            books.send(event, time)
    return heard


def on(key, velocity=64):
    return NoteOn(key, velocity, 0, 0.0)


def off(key):
    return NoteOff(key, 0.0)


def test_a_repeated_note_waits_until_the_hammer_is_back():
    heard = played(Profile(restrike_ms=40), (0.0, on(39)), (0.1, off(39)), (0.11, on(39, 90)), (0.5, off(39)))
    assert heard == [(0.0, 60, 64), (0.1, 60, 0), (0.14, 60, 90), (0.5, 60, 0)]


def test_another_key_does_not_wait_for_it():
    heard = played(Profile(restrike_ms=40), (0.0, on(39)), (0.1, off(39)), (0.11, on(39)), (0.12, on(40)))
    assert [h for h in heard if h[2]] == [(0.0, 60, 64), (0.12, 61, 64), (0.14, 60, 64)]


def test_a_tap_that_was_put_off_is_heard_for_the_shortest_note():
    profile = Profile(restrike_ms=40, shortest_note_ms=50)
    heard = played(profile, (0.0, on(39)), (0.1, off(39)), (0.11, on(39)), (0.12, off(39)))
    assert heard == [(0.0, 60, 64), (0.1, 60, 0), (0.14, 60, 64), (0.19, 60, 0)]


def test_a_tap_that_passed_in_waiting_is_left_out_where_notes_may_be_short():
    heard = played(Profile(restrike_ms=40), (0.0, on(39)), (0.1, off(39)), (0.11, on(39)), (0.12, off(39)))
    assert heard == [(0.0, 60, 64), (0.1, 60, 0)]


def test_a_note_too_short_to_sound_is_made_longer():
    assert played(Profile(shortest_note_ms=50), (0.0, on(39)), (0.01, off(39))) == [(0.0, 60, 64), (0.05, 60, 0)]


def test_the_oldest_key_is_let_go_for_a_new_one_and_its_own_release_is_swallowed():
    heard = played(Profile(most_keys=2), (0.0, on(39)), (0.1, on(40)), (0.2, on(41)), (0.3, off(39)), (0.4, off(40)))
    assert heard == [(0.0, 60, 64), (0.1, 61, 64), (0.2, 60, 0), (0.2, 62, 64), (0.4, 61, 0)]


def test_a_key_held_too_long_is_let_go():
    assert played(Profile(longest_note_s=2), (0.0, on(39)), (9.0, off(39))) == [(0.0, 60, 64), (2.0, 60, 0)]


def test_keys_out_of_range_move_by_octaves_and_share_a_note_until_the_last_is_up():
    profile = Profile(keys=(60, 72))
    heard = played(profile, (0.0, on(15)), (0.1, on(27)), (0.2, off(15)), (0.3, off(27)), (0.4, on(87)))
    assert heard == [(0.0, 60, 64), (0.1, 60, 0), (0.1, 60, 64), (0.3, 60, 0), (0.4, 72, 64)]


def test_a_chord_held_through_a_pulled_cable_is_neither_struck_anew_nor_left_hanging():
    piano = Piano(Profile())
    books = Books(Profile(), piano)
    for key in (39, 43, 46):
        books.send(on(key), 1.0)
    books.send(Pedal(90, 0.0), 1.0)
    books.leave(5.0)
    books.send(off(39), 6.0)
    books.send(on(51), 6.5)
    books.send(Pedal(30, 0.0), 7.0)
    count = len(piano.messages)
    books.come_back(piano, 9.0)
    assert piano.messages[count:] == [(0x80, 60, 64), (0xB0, 64, 30)]
    books.send(off(51), 10.0)
    assert len(piano.messages) == count + 2
    books.send(off(43), 11.0)
    assert piano.messages[-1] == (0x80, 64, 64)


def test_what_was_let_go_just_before_a_loss_was_noticed_is_let_go_again():
    piano = Piano(Profile())
    books = Books(Profile(), piano)
    books.send(on(39), 1.0)
    books.send(off(39), 4.5)
    books.send(on(40), 4.6)
    books.leave(5.0)
    piano.unsure = True
    books.come_back(piano, 9.0)
    assert piano.messages[-2:] == [(0x80, 60, 64), (0xB0, 64, 0)]


def test_a_panic_says_everything_that_silences():
    piano = Piano(Profile(channel=5))
    books = Books(Profile(channel=5), piano)
    books.send(on(39), 1.0)
    books.panic(2.0)
    assert piano.messages[1:] == [
        (0x84, 60, 64),
        (0xB4, 64, 0),
        (0xB4, 66, 0),
        (0xB4, 67, 0),
        (0xB4, 120, 0),
        (0xB4, 123, 0),
    ]
    books.send(off(39), 3.0)
    assert len(piano.messages) == 7


def test_velocities_are_kept_between_what_sounds_and_what_strains():
    velocities = Profile(velocity=Velocity(floor=25, ceiling=108, curve=((1, 10), (64, 64), (127, 127)))).velocities()
    assert velocities[1] == 25 and velocities[64] == 64 and velocities[127] == 108
    assert list(velocities) == sorted(velocities)
