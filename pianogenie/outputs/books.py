"""The books of one MIDI port: what the instrument behind it was told, and so what sounds there.

They are the port's own, beside the Performer's, because a port may be away for a while, and a profile may change or
put off what is sent (`pianogenie.outputs.limits`). What they promise of the messages that reach the port: each note-on
has one note-off, a sounding key is not struck again without a note-off between, and after `silence` nothing sounds.

Not thread-safe; the port's lock is around them. `now` is seconds on a clock that never turns back.
"""

from collections.abc import Callable

from pianogenie.events import NoteOff, NoteOn, PianoEvent
from pianogenie.profiles import ALL_NOTES_OFF, ALL_SOUND_OFF, SOFT, SOSTENUTO, SUSTAIN, Profile

Write = Callable[[tuple[int, ...]], object]

NOTE_OFF, NOTE_ON, CONTROL_CHANGE = 0x80, 0x90, 0xB0
RELEASE_VELOCITY = 64
_NEVER = float("-inf")
_UNSURE_S = 2.0
"""How long before it was noticed a port may have been gone already, and have lost what was sent."""


class Books:
    """For an instrument that takes every note at the moment it comes: three bytes, straight out.

    Args:
        profile: its channel, velocities and pedal.
        write: sends a message's bytes; never raises.
    """

    soonest = float("inf")
    """When `run` has something to do next."""
    late_s = 0.0
    """How long after it was written a message may be heard, when the next one may be at once."""

    def __init__(self, profile: Profile, write: Write):
        channel = profile.channel - 1
        self._note_on, self._note_off, self._control = NOTE_ON | channel, NOTE_OFF | channel, CONTROL_CHANGE | channel
        self._pitches = profile.pitches()
        self._velocities = profile.velocities()
        self._knows = frozenset(profile.controllers)
        self._is_switch = profile.pedal == "switch"
        self._pedal_channels = self._find_pedal_channels(profile)
        self._pedal: int | None = None
        self._sounding = bytearray(128)
        self._ended = [_NEVER] * 128  # when each note was let go last
        self._write = write
        self._away = False
        self._owed: set[int] = set()  # notes that ended while the port was away

    def _find_pedal_channels(self, profile: Profile) -> list[int]:
        if profile.pedal == "none" or SUSTAIN not in self._knows:
            return []
        half = profile.half_pedal_channel
        return [self._control, *([CONTROL_CHANGE | (half - 1)] if half and half != profile.channel else [])]

    def send(self, event: PianoEvent, now: float) -> None:
        """Pass on one note-on, note-off or pedal."""
        kind = type(event)
        if kind is NoteOn:
            self._begin(self._pitches[event.key], self._velocities[event.velocity], now)
        elif kind is NoteOff:
            self._end(self._pitches[event.key], now)
        else:
            self._move_pedal(event.value)

    def run(self, now: float) -> None:
        """Do what has come due."""

    @property
    def pedal(self) -> int:
        """Where the pedal is."""
        return self._pedal or 0

    def silence(self, now: float) -> None:
        """Let go of everything at once: the end of a session, or a panic."""
        for pitch in self.sounding():
            self._end(pitch, now)
        if self._pedal:
            self._move_pedal(0)

    def last_words(self) -> None:
        """After `silence`, say once more that there is to be silence: the first time may not have been heard.

        Of notes only if there were any: other programs may play on the same channel.
        """
        if self._away:
            return
        self._write_pedal(0)
        if ALL_NOTES_OFF in self._knows and max(self._ended) > _NEVER:
            self._write((self._control, ALL_NOTES_OFF, 0))

    def panic(self, now: float) -> None:
        """Silence whatever sounds, known or not, and begin anew."""
        self.silence(now)
        self._pedal = 0
        if self._away:
            return
        self._write_pedal(0)
        for controller in (SOSTENUTO, SOFT, ALL_SOUND_OFF, ALL_NOTES_OFF):
            if controller in self._knows:
                self._write((self._control, controller, 0))

    def leave(self, now: float) -> None:
        """The port is away: nothing can be written. What sounded there is let go when it returns, if it ended by then.

        What was let go shortly before may not have arrived either, and is let go again.
        """
        self._away = True
        self._owed = {pitch for pitch, ended in enumerate(self._ended) if now - ended < _UNSURE_S}

    def come_back(self, write: Write, now: float) -> None:
        """The port is there again. Keys still held are not struck anew; the pedal is put where it is."""
        self._write = write
        self._away = False
        for pitch in sorted(self._owed):
            if not self._sounding[pitch]:
                write((self._note_off, pitch, RELEASE_VELOCITY))
                self._ended[pitch] = now
        self._owed.clear()
        self._write_pedal(self._pedal or 0)

    def sounding(self) -> list[int]:
        """The MIDI notes that sound, as far as the port was told."""
        return [pitch for pitch in range(128) if self._sounding[pitch]]

    def _begin(self, pitch: int, velocity: int, now: float) -> None:
        if self._away:
            return
        if self._sounding[pitch]:
            self._end(pitch, now)
        self._write((self._note_on, pitch, velocity))
        self._sounding[pitch] = 1

    def _end(self, pitch: int, now: float) -> None:
        if not self._sounding[pitch]:
            return  # struck while the port was away, or let go already by a panic
        if self._away:
            self._owed.add(pitch)
        else:
            self._write((self._note_off, pitch, RELEASE_VELOCITY))
        self._sounding[pitch] = 0
        self._ended[pitch] = now

    def _move_pedal(self, value: int) -> None:
        if self._is_switch:
            value = 127 if value >= 64 else 0
            if value == self._pedal:
                return
        self._pedal = value
        if not self._away:
            self._write_pedal(value)

    def _write_pedal(self, value: int) -> None:
        for status in self._pedal_channels:
            self._write((status, SUSTAIN, value))
