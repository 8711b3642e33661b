"""Books for an instrument with limits: hammers that must fall back, keys that are few, coils that grow warm.

What a limit forbids now is put off (a strike until the hammer has fallen back, a release until the note has sounded),
or done at another key's cost (the oldest is let go when too many are down). Whoever owns the books calls `run` at
`soonest`; nothing here waits.
"""

from pianogenie.events import NoteOff, NoteOn, PianoEvent
from pianogenie.keys import NUM_KEYS
from pianogenie.outputs.books import Books, Write
from pianogenie.profiles import Profile

_INFINITY = float("inf")


class LimitedBooks(Books):
    """Never breaks the profile's limits, whatever is asked.

    Several keys may come to one note where the range is small; it sounds until the last of them is up. `late_s` counts:
    what is written so long after the other may be heard that much sooner after it, or later.
    """

    def __init__(self, profile: Profile, write: Write, late_s: float = 0.0):
        super().__init__(profile, write)
        self._profile = profile
        self.late_s = late_s
        self._most_keys = profile.most_keys
        self._key_down = bytearray(NUM_KEYS)
        self._holders = [0] * 128  # a note -> how many keys that are down ask for it
        self._struck: dict[int, float] = {}  # a sounding note -> when it was struck; the oldest first
        self._release_at: dict[int, float] = {}  # a sounding note that is up already -> when it may be let go
        self._waiting: dict[int, int] = {}  # a note to be struck -> the velocity; the first to come, first
        self.soonest = _INFINITY

    @property
    def late_s(self) -> float:
        """As of all books."""
        return self._late_s

    @late_s.setter
    def late_s(self, late_s: float) -> None:
        profile, self._late_s = self._profile, late_s
        self._restrike_s, self._shortest_s = (
            ms / 1000 + late_s if ms else 0.0 for ms in (profile.restrike_ms, profile.shortest_note_ms)
        )
        longest_s = _INFINITY if profile.longest_note_s is None else profile.longest_note_s
        self._longest_s = max(longest_s - late_s, self._shortest_s)

    def send(self, event: PianoEvent, now: float) -> None:
        """Pass on one note-on, note-off or pedal, or put it off."""
        kind = type(event)
        if kind is NoteOn:
            self._press(event.key, self._velocities[event.velocity], now)
        elif kind is NoteOff:
            self._let_go(event.key, now)
        else:
            self._move_pedal(event.value)

    def run(self, now: float) -> None:
        """Do what has come due: releases first, since a strike may be waiting for one."""
        for pitch in [pitch for pitch, at in self._release_at.items() if at <= now]:
            self._end(pitch, now)
        for pitch in [pitch for pitch, struck in self._struck.items() if struck + self._longest_s <= now]:
            self._end(pitch, now)
        for pitch in list(self._waiting):
            if self._may_strike_at(pitch) <= now:
                self._strike(pitch, now)
        self.soonest = min(
            *self._release_at.values(),
            *(self._may_strike_at(pitch) for pitch in self._waiting),
            next(iter(self._struck.values()), _INFINITY) + self._longest_s,
            _INFINITY,
        )

    def silence(self, now: float) -> None:
        """Let go of everything at once, and forget what was put off."""
        self._waiting.clear()
        self._key_down = bytearray(NUM_KEYS)
        self._holders = [0] * 128
        super().silence(now)

    def leave(self, now: float) -> None:
        """The port is away. What was put off is not struck late, when it returns."""
        self._waiting.clear()
        super().leave(now)

    def _press(self, key: int, velocity: int, now: float) -> None:
        if self._key_down[key]:
            self._let_go(key, now)
        pitch = self._pitches[key]
        self._key_down[key] = 1
        self._holders[pitch] += 1
        if self._away:
            return
        self._waiting[pitch] = velocity
        if pitch in self._struck:  # another key asked for it, or its release was put off
            self._end_when_allowed(pitch, now)
        self._strike_when_allowed(pitch, now)

    def _let_go(self, key: int, now: float) -> None:
        if not self._key_down[key]:
            return
        pitch = self._pitches[key]
        self._key_down[key] = 0
        self._holders[pitch] -= 1
        if self._holders[pitch]:
            return
        if pitch in self._waiting:
            if not self._shortest_s:
                del self._waiting[pitch]  # its whole length has passed in waiting
        elif pitch in self._struck:
            self._end_when_allowed(pitch, now)

    def _strike_when_allowed(self, pitch: int, now: float) -> None:
        if pitch not in self._waiting:
            return
        at = self._may_strike_at(pitch)
        if at <= now:
            self._strike(pitch, now)
        elif at < self.soonest:
            self.soonest = at

    def _may_strike_at(self, pitch: int) -> float:
        return _INFINITY if pitch in self._struck else self._ended[pitch] + self._restrike_s

    def _end_when_allowed(self, pitch: int, now: float) -> None:
        at = self._struck[pitch] + self._shortest_s
        if at <= now or self._away:
            self._end(pitch, now)
        else:
            self._release_at[pitch] = at
            self.soonest = min(self.soonest, at)

    def _strike(self, pitch: int, now: float) -> None:
        if len(self._struck) >= self._most_keys:
            # One that is up already goes before one that is held.
            self._end(next(iter(self._release_at or self._struck)), now)
        self._begin(pitch, self._waiting.pop(pitch), now)
        self._struck[pitch] = now
        self.soonest = min(self.soonest, now + self._longest_s)
        if not self._holders[pitch]:
            self._end_when_allowed(pitch, now)  # it was up again before it could be struck

    def _end(self, pitch: int, now: float) -> None:
        super()._end(pitch, now)
        self._struck.pop(pitch, None)
        self._release_at.pop(pitch, None)
        if pitch in self._waiting:
            self.soonest = min(self.soonest, now + self._restrike_s)
