"""Mixing the piano's events into a WAV file, without a sound device and faster than real time.

The same samples and the same book of voices as live, in float and to the sample: a note starts on the very
frame of its time. Works through the file block by block, so that an hour takes no more memory than a minute,
and the same events give the same bytes.

Peaks: up to -3 dBFS the mix is left as it is; above, it is bent towards -1 dBFS, which it never reaches. At
the level the samples have, ten keys struck together at full force just touch that range (docs/piano.md). A
look at the whole file first, to scale it, would make one loud chord turn down an hour; this does not.
"""

import wave
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from pianogenie.errors import UserError
from pianogenie.events import PianoEvent
from pianogenie.files import written_whole
from pianogenie.piano import touch
from pianogenie.piano.samples import Samples
from pianogenie.piano.voices import Voices

LONGEST_S = 6 * 3600
"""A WAV file holds 4 GiB, 6.7 hours of this."""

SHORTEST_S = 0.5
"""How much silence is written when there is nothing to play."""

BENT_FROM = 10 ** (-3 / 20)
CEILING = 10 ** (-1 / 20)
_BLOCK_FRAMES = 16_384
_FULL_SCALE = 32_768.0


def render_wav(events: Iterable[PianoEvent], path: Path | str, *, samples: Samples | None = None) -> float:
    """Mix `events` into a 16-bit stereo WAV file at `path`, to the end of the last sound.

    Times (s) count from the start of the file; one that goes back is taken as the one before it. Keys never
    let go ring until their sound is over. Gives the file's length in seconds. Raises UserError if the file
    cannot be written or would be longer than six hours, and leaves nothing behind then.
    """
    samples = samples or Samples()
    with written_whole(path) as whole, wave.open(str(whole), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(samples.rate_hz)
        mixer = _Mixer(samples)
        latest_s = 0.0
        for event in events:
            latest_s = max(latest_s, event.time)
            if not latest_s <= LONGEST_S:
                raise UserError(f"{path}: a WAV file longer than {LONGEST_S // 3600} hours cannot be written")
            while mixer.frame_of(latest_s) >= mixer.position + _BLOCK_FRAMES:
                file.writeframesraw(mixer.next_block(_BLOCK_FRAMES).tobytes())
            mixer.voices.handle(event._replace(time=latest_s))
        end = max(mixer.frame_of(max(mixer.voices.ends_at(), latest_s, SHORTEST_S)), mixer.position)
        while mixer.position < end:
            block = mixer.next_block(min(_BLOCK_FRAMES, end - mixer.position))
            file.writeframesraw(block.tobytes())
        return end / samples.rate_hz


class _Sounding:
    """A sound on its way through a slot; positions in frames of the file."""

    __slots__ = ("ends", "fade_frames", "fades_from", "gain", "sound", "starts")

    def __init__(self, sound: np.ndarray, gain: float, starts: int) -> None:
        self.sound, self.gain, self.starts, self.ends = sound, gain, starts, starts + len(sound)
        self.fades_from, self.fade_frames = self.ends, 1

    def add_to(self, block: np.ndarray, position: int) -> None:
        """Add what falls into `block` (float32 (frames, 2)), which starts at `position`."""
        first, last = max(self.starts, position), min(self.ends, position + len(block))
        if first >= last:
            return
        part = np.multiply(
            self.sound[first - self.starts : last - self.starts], np.float32(self.gain), dtype=np.float32
        )
        if last > self.fades_from:
            fade = 1 - (np.arange(first, last) - self.fades_from) / self.fade_frames
            part *= np.clip(fade, 0, 1).astype(np.float32)[:, None]
        block[first - position : last - position] += part


class _Mixer:
    """What the live mixer does, in numpy: slots that play sounds, mixed block by block."""

    def __init__(self, samples: Samples) -> None:
        self.position = 0
        self.voices = Voices(self._start, self._fade, samples.length_s)
        self._samples = samples
        self._made: dict[tuple[int, int], np.ndarray] = {}
        self._slots: dict[int, _Sounding] = {}
        self._sounding: list[_Sounding] = []

    def frame_of(self, time: float) -> int:
        """The frame that lies at a time (s)."""
        return round(time * self._samples.rate_hz)

    def next_block(self, frames: int) -> np.ndarray:
        """Mix the next `frames` frames: little-endian int16 (frames, 2)."""
        block = np.zeros((frames, 2), np.float32)
        for sounding in self._sounding:
            sounding.add_to(block, self.position)
        self.position += frames
        self._sounding = [sounding for sounding in self._sounding if sounding.ends > self.position]
        return np.rint(bent(block) * (_FULL_SCALE - 1)).astype("<i2")

    def _start(self, slot: int, key: int, layer: int, volume: int, time: float) -> None:
        sound = self._made.get((key, layer))
        if sound is None:
            sound = self._made[key, layer] = self._samples.sound(key, layer)
        starts = self.frame_of(time)
        if slot in self._slots:
            cut = self._slots[slot]
            cut.ends = min(cut.ends, starts)
        sounding = _Sounding(sound, volume / touch.FULL_VOLUME / _FULL_SCALE, starts)
        self._slots[slot] = sounding
        self._sounding.append(sounding)

    def _fade(self, slot: int, seconds: float, time: float) -> None:
        sounding = self._slots[slot]
        sounding.fades_from = self.frame_of(time)
        sounding.fade_frames = max(1, self.frame_of(seconds))
        sounding.ends = min(sounding.ends, sounding.fades_from + sounding.fade_frames)


def bent(mix: np.ndarray) -> np.ndarray:
    """Bend what lies above `BENT_FROM` smoothly towards `CEILING`; the rest is returned as it is."""
    size = np.abs(mix)
    if size.max(initial=0) <= BENT_FROM:
        return mix
    room = CEILING - BENT_FROM
    return np.where(size > BENT_FROM, np.sign(mix) * (BENT_FROM + room * np.tanh((size - BENT_FROM) / room)), mix)
