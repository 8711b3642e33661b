"""The built-in piano, live: sampled sounds through SDL's mixer and the computer's own speaker.

Importing this module imports pygame. Opening the piano takes some ms and it can be played at once; its
sounds are made in the background meanwhile (`pianogenie.piano.loading`).

Three traps of pygame.mixer that this is built around (docs/piano.md has more):
- a channel's volume cannot be set before it plays, and is not set back by playing, so the volume of a note is
  set on its Sound, just before;
- a channel whose sound ends during a fade stays turned down for good, unless it is turned up again;
- a Sound that ends takes the interpreter lock on SDL's audio thread, which holds the mixer's lock then. So no
  call is made here that waits for the mixer with the interpreter lock held (pausing would), and the mixer is
  quit only after every channel has stopped.
"""

import os
import threading
import time

os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")

import pygame

from pianogenie.crashes import leave_crashes_alone
from pianogenie.errors import UserError
from pianogenie.events import PianoEvent
from pianogenie.outputs.base import Output
from pianogenie.piano import touch
from pianogenie.piano.loading import Shelf
from pianogenie.piano.samples import Samples
from pianogenie.piano.voices import NUM_SLOTS, Voices
from pianogenie.stderr import silent_stderr
from pianogenie.urgency import its_threads_hurry

BUFFER_FRAMES = 256
"""Frames that SDL asks for at a time: 5.8 ms. It takes powers of two, and no less than this."""

_CLOSING_FADE_MS = 40
_CLOSING_LIMIT_S = 0.3
"""Long enough for a damper that has just fallen (0.25 s) to do its work."""

# A Sound's volume is truncated to 128ths: half a step more makes it the step that is meant.
_SOUND_VOLUMES = tuple((volume + 0.5) / touch.FULL_VOLUME for volume in range(touch.FULL_VOLUME + 1))


class PianoOutput(Output):
    """Plays on the sound device `device`, or on the default one.

    `buffer_frames` (a power of two, 256 or more) trades delay for safety from crackling. Takes over
    pygame.mixer as a whole, which a process has but once. `send` and `close` may come from any thread.
    Raises UserError if there is no sound device or the samples are not there.
    """

    name = "piano"

    def __init__(self, *, buffer_frames: int = BUFFER_FRAMES, device: str | None = None) -> None:
        samples = Samples()
        _open_mixer(samples.rate_hz, buffer_frames, device)
        pygame.mixer.set_num_channels(NUM_SLOTS)
        self._channels = [pygame.mixer.Channel(slot) for slot in range(NUM_SLOTS)]
        self._shelf = Shelf(samples, lambda raw: pygame.mixer.Sound(buffer=raw))
        self._length_s = samples.length_s
        self._voices: Voices | None = self._new_voices()
        self._lock = threading.RLock()  # playing on a mixer that another thread has quit crashes the process
        self._buffer_s = buffer_frames / samples.rate_hz
        # pygame.quit() quits the mixer too, so it must not come before close().
        pygame.register_quit(self.close)
        self._shelf.start()

    def send(self, event: PianoEvent) -> None:
        """Play, damp or pedal; nothing happens after `close`."""
        with self._lock:
            if self._voices is not None:
                self._voices.handle(event)

    def panic(self, time: float) -> None:
        """Cut every voice short, dampers and pedal or not; a panic may click."""
        with self._lock:
            if self._voices is not None:
                pygame.mixer.stop()
                self._voices = self._new_voices()

    def close(self) -> None:
        """Fade out what still sounds (40 ms; a falling damper takes its time, up to 0.3 s); quit the mixer."""
        with self._lock:
            if self._voices is None:
                return
            self._voices = None
        self._shelf.stop()
        if not pygame.mixer.get_init():
            return
        pygame.mixer.fadeout(_CLOSING_FADE_MS)
        give_up = time.perf_counter() + _CLOSING_LIMIT_S
        while pygame.mixer.get_busy() and time.perf_counter() < give_up:
            time.sleep(0.002)
        pygame.mixer.stop()
        time.sleep(2 * self._buffer_s)  # what is mixed is not yet heard
        self._shelf.clear()
        pygame.mixer.quit()

    def loaded(self) -> float:
        """The share of sounds that are made already, 0..1; the others are made when struck."""
        return self._shelf.loaded()

    def wait_until_loaded(self, timeout_s: float | None = None) -> bool:
        """Wait for the background thread to make all sounds; whether it has."""
        return self._shelf.wait(timeout_s)

    @property
    def trouble(self) -> str | None:
        """What is wrong with a sample that could not be read, in a line, or None."""
        return self._shelf.trouble

    def _new_voices(self) -> Voices:
        return Voices(self._start, self._fade, self._length_s)

    def _start(self, slot: int, key: int, layer: int, volume: int, _time: float) -> None:
        sound, borrowed = self._shelf.take(key, layer)
        if borrowed != layer:
            volume = min(round(volume * touch.LAYER_GAINS[layer] / touch.LAYER_GAINS[borrowed]), touch.FULL_VOLUME)
        channel = self._channels[slot]
        if channel.get_busy():
            channel.stop()
        if channel.get_volume() != 1.0:
            channel.set_volume(1.0)
        sound.set_volume(_SOUND_VOLUMES[volume])
        channel.play(sound)

    def _fade(self, slot: int, seconds: float, _time: float) -> None:
        self._channels[slot].fadeout(int(seconds * 1000))


def _open_mixer(rate_hz: int, buffer_frames: int, device: str | None) -> None:
    """Open the sound device for 16-bit stereo at exactly `rate_hz`: SDL converts where the device differs."""
    if pygame.mixer.get_init():
        pygame.mixer.quit()  # pygame.init() opens it too, with settings of its own
    try:
        with silent_stderr(), its_threads_hurry():  # ALSA's library tells in a dozen lines what SDL's error says in one
            pygame.mixer.init(rate_hz, -16, 2, buffer_frames, devicename=device, allowedchanges=0)
        leave_crashes_alone()
    except pygame.error as error:
        which = f"sound device {device!r}" if device else "sound device"
        raise UserError(f"no {which} for the built-in piano ({error}); use --no-sound to play without it") from error
