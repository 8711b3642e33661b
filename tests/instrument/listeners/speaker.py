"""The built-in piano's loudspeaker: no sound is cut, none rings on."""

from types import SimpleNamespace
from unittest import mock

from pianogenie.outputs import piano as piano_module
from pianogenie.outputs.piano import PianoOutput
from pianogenie.piano import touch


class Channel:
    """A channel of a mixer: what it plays, until when, and whether that fades."""

    def __init__(self, clock):
        self._clock = clock
        self.key, self.ends, self.fading = None, 0.0, False

    def get_busy(self):
        return self._clock.now < self.ends

    def get_volume(self):
        return 1.0

    def stop(self):
        self.ends = float("-inf")

    def play(self, sound):
        assert not self.get_busy(), "a sound was cut"
        self.key, self.ends, self.fading = sound.key, self._clock.now + Speaker.LENGTH_S, False

    def fadeout(self, ms):
        assert not self.fading or not self.get_busy(), "faded twice"
        self.fading, self.ends = True, min(self.ends, self._clock.now + ms / 1000)


class Speaker:
    """The built-in piano's mixer: SDL's, as far as the piano asks for it."""

    LENGTH_S = 5.0

    def __init__(self, clock):
        self._clock, self._open, self._channels = clock, True, []
        self._shelf = SimpleNamespace(
            start=lambda: None,
            stop=lambda: None,
            clear=lambda: None,
            trouble=None,
            take=lambda key, layer: (SimpleNamespace(key=key, set_volume=lambda volume: None), layer),
        )
        samples = SimpleNamespace(rate_hz=44_100, length_s=lambda key, layer: self.LENGTH_S)
        self._system = mock.patch.multiple(
            piano_module,
            pygame=SimpleNamespace(mixer=self, register_quit=lambda call: None, error=OSError),
            Samples=lambda: samples,
            Shelf=lambda samples, wrap: self._shelf,
            time=SimpleNamespace(perf_counter=clock, sleep=self._pass),
        )
        self._system.start()
        self.output = PianoOutput()

    def _pass(self, seconds):
        self._clock.now += seconds

    # pygame.mixer, as a module

    def init(self, *_settings, **_more):
        self._open = True

    def get_init(self):
        return self._open

    def set_num_channels(self, number):
        self._channels = [Channel(self._clock) for _ in range(number)]

    def Channel(self, slot):
        return self._channels[slot]

    def get_busy(self):
        return any(channel.get_busy() for channel in self._channels)

    def fadeout(self, ms):
        for channel in self._channels:
            channel.ends = min(channel.ends, self._clock.now + ms / 1000)

    def stop(self):
        for channel in self._channels:
            channel.stop()

    def quit(self):
        assert not self.get_busy(), "the mixer was taken from under a sound"
        self._open = False

    def check(self, truth):
        ringing = [c.key for c in self._channels if c.get_busy() and not c.fading]
        assert len(ringing) == len(set(ringing)), "a key rings twice"
        if truth.pedal < 64:
            damped = {key for key in ringing if key < touch.FIRST_UNDAMPED_KEY}
            assert damped <= truth.keys, "it sounds on though its key is up"

    def end(self):
        assert not self._open and not self.get_busy()

    def put_away(self):
        self._system.stop()
