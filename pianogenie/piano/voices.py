"""Which voices sound: strikes, dampers, the pedal, restrikes, and who makes room when all are taken.

One book of voices serves the live mixer and the offline one. It hears the piano's events and calls two
functions of its owner: start a sound in a slot, fade a slot out. It goes by the events' own times alone and
asks the mixer nothing, so the same events give the same voices live and offline.

At most `MAX_VOICES` keys ring at once. A voice that makes room fades on in its slot for a few hundredths of
a second, uncounted, while the new one starts in another: that is what the spare slots are for.
"""

from collections.abc import Callable

from pianogenie.events import NoteOff, NoteOn, PianoEvent
from pianogenie.piano import touch

MAX_VOICES = 64
NUM_SLOTS = 96
PEDAL_DOWN = 64
"""The sustain pedal's value (CC64) from which it holds, as MIDI has it for a switch."""

_RELEASED, _SUSTAINED, _HELD = 0, 1, 2


class _Voice:
    """One struck key, from its strike until it has died away or makes room."""

    __slots__ = ("fading", "key", "layer", "since", "slot", "state", "struck", "volume")

    def __init__(self, key: int, layer: int, volume: int, slot: int, struck: float) -> None:
        self.key, self.layer, self.volume, self.slot, self.struck = key, layer, volume, slot, struck
        self.state, self.since, self.fading = _HELD, struck, False


class Voices:
    """The book of voices.

    `start(slot, key, layer, volume, time)` must play a sound from its beginning in a slot (0..95), cutting
    short what the slot still plays; `fade(slot, seconds, time)` must turn a slot down to silence, evenly, and
    is called at most once a strike. `length_s(key, layer)` tells how long a sound lasts. Not thread-safe.
    """

    def __init__(
        self,
        start: Callable[[int, int, int, int, float], None],
        fade: Callable[[int, float, float], None],
        length_s: Callable[[int, int], float],
    ) -> None:
        self._start, self._fade, self._length_s = start, fade, length_s
        self._ringing: dict[int, _Voice] = {}  # by key: a restrike makes the older voice leave the book
        self._slot_ends = [0.0] * NUM_SLOTS
        self._slot_voice: list[_Voice | None] = [None] * NUM_SLOTS
        self._pedal_down = False

    def handle(self, event: PianoEvent) -> None:
        """Take one note-on, note-off or pedal; times (s) must not go back."""
        kind = type(event)
        if kind is NoteOn:
            self._strike(event.key, event.velocity, event.time)
        elif kind is NoteOff:
            self._let_go(event.key, event.time)
        else:
            self._move_pedal(event.value >= PEDAL_DOWN, event.time)

    def ends_at(self) -> float:
        """When the last sound dies away if nothing more happens, on the events' clock (s)."""
        return max(self._slot_ends)

    def _strike(self, key: int, velocity: int, time: float) -> None:
        old = self._ringing.pop(key, None)
        if old is not None:
            self._quiet(old, touch.RESTRIKE_FADE_S, time)
        elif len(self._ringing) >= MAX_VOICES:
            self._make_room(time)
        layer, volume = touch.STRIKES[velocity]
        ends = min(self._slot_ends)
        slot = self._slot_ends.index(ends)
        self._slot_ends[slot] = time + self._length_s(key, layer)
        self._ringing[key] = self._slot_voice[slot] = _Voice(key, layer, volume, slot, time)
        self._start(slot, key, layer, volume, time)

    def _let_go(self, key: int, time: float) -> None:
        voice = self._ringing.get(key)
        if voice is None or voice.state != _HELD:
            return
        if self._pedal_down:
            voice.state = _SUSTAINED
        else:
            self._release(voice, time)

    def _move_pedal(self, down: bool, time: float) -> None:
        was_down, self._pedal_down = self._pedal_down, down
        if was_down and not down:
            for voice in self._ringing.values():
                if voice.state == _SUSTAINED:
                    self._release(voice, time)

    def _release(self, voice: _Voice, time: float) -> None:
        voice.state, voice.since = _RELEASED, time
        if voice.key < touch.FIRST_UNDAMPED_KEY:
            self._quiet(voice, touch.DAMPING_S[voice.key], time)

    def _quiet(self, voice: _Voice, seconds: float, time: float) -> None:
        # A second fade is not asked for: SDL_mixer ignores it, and the first one ends soon enough.
        if voice.fading or self._is_over(voice, time):
            return
        voice.fading = True
        self._slot_ends[voice.slot] = min(self._slot_ends[voice.slot], time + seconds)
        self._fade(voice.slot, seconds, time)

    def _is_over(self, voice: _Voice, time: float) -> bool:
        # A key may be held longer than its sound lasts, and its slot be another's by then.
        return self._slot_voice[voice.slot] is not voice or self._slot_ends[voice.slot] <= time

    def _make_room(self, time: float) -> None:
        for key, voice in list(self._ringing.items()):
            if self._is_over(voice, time):
                del self._ringing[key]
        if len(self._ringing) < MAX_VOICES:
            return

        def worth(voice: _Voice) -> tuple[int, float]:
            if voice.state == _RELEASED:
                return _RELEASED, voice.since
            age_s = time - voice.struck
            return voice.state, touch.loudness_db(voice.key, voice.layer, voice.volume, age_s)

        victim = min(self._ringing.values(), key=worth)
        del self._ringing[victim.key]
        self._quiet(victim, touch.RESTRIKE_FADE_S, time)
