"""The sounds of the 88 keys, made from the thirty sampled ones of each layer.

assets/piano holds every third key, so each key lies at most a semitone from a sampled one and gets its sound
by resampling that one (soxr). Nothing is kept here but the last sample decoded: a sound costs 5 to 20 ms to
make, and who needs it again keeps it.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile
import soxr

from pianogenie.errors import UserError
from pianogenie.keys import NUM_KEYS, key_of
from pianogenie.paths import assets_dir
from pianogenie.piano import touch

FORMAT = "pianogenie-piano/1"
_MIDDLE_KEY = key_of(60)


class _Sample(NamedTuple):
    """One file of assets/piano, as its manifest describes it; levels in dBFS over the first 150 ms."""

    path: Path
    key: int
    layer: int
    frames: int
    attack_db: float
    target_db: float


class Samples:
    """Makes the sound of any key in any layer, at `rate_hz`.

    Raises UserError if the folder's manifest or, later, one of its files is missing or cannot be read.
    """

    def __init__(self, folder: Path | None = None, rate_hz: int = 44_100) -> None:
        folder = folder or assets_dir() / "piano"
        self.rate_hz = rate_hz
        manifest = folder / "piano.json"
        try:
            description = json.loads(manifest.read_text(encoding="utf-8"))
            if description["format"] != FORMAT:
                raise ValueError(f"its format is not {FORMAT}")
            self._source_rate_hz = int(description["rate_hz"])
            samples = [
                _Sample(
                    folder / entry["file"],
                    key_of(entry["pitch"]),
                    entry["layer"],
                    entry["frames"],
                    entry["attack_db"],
                    entry["target_db"],
                )
                for entry in description["samples"]
            ]
            self._nearest = [_nearest(samples, layer) for layer in range(touch.NUM_LAYERS)]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UserError(f"{manifest}: the built-in piano's samples cannot be read ({error})") from error
        keys, targets = zip(*((s.key, s.target_db) for s in self._nearest_sampled()), strict=True)
        self._target_db = np.interp(range(NUM_KEYS), keys, targets)
        self._last: tuple[_Sample, np.ndarray] | None = None

    def sound(self, key: int, layer: int) -> np.ndarray:
        """Make the sound of a key (0..87) in a layer (0 softest): int16 (frames, 2) at `rate_hz`.

        Its loudness is right for the layer's highest velocity, with `touch.HEADROOM_DB` taken off.
        May be called from any thread.
        """
        sample = self._nearest[layer][key]
        sound = self._decoded(sample)
        shifted_rate_hz = self._source_rate_hz * 2 ** ((key - sample.key) / 12)
        if shifted_rate_hz != self.rate_hz:
            sound = soxr.resample(sound, shifted_rate_hz, self.rate_hz, quality="HQ")
        level_db = self._target_db[key] - sample.attack_db - touch.HEADROOM_DB
        gain = 32767 * touch.LAYER_GAINS[layer] * 10 ** (level_db / 20)
        scaled = np.multiply(sound, np.float32(gain))
        np.rint(scaled, out=scaled)
        return np.clip(scaled, -32768, 32767, out=scaled).astype(np.int16)

    def forget(self) -> None:
        """Let go of the sample that was decoded last: nobody is going to need more sounds soon."""
        self._last = None

    def length_s(self, key: int, layer: int) -> float:
        """How long a sound lasts, to within a frame, without making it."""
        sample = self._nearest[layer][key]
        return sample.frames / (self._source_rate_hz * 2 ** ((key - sample.key) / 12))

    def from_the_middle(self) -> Iterator[tuple[int, int]]:
        """Every (key, layer) once: the middle layer, then the others, each from the middle of the keyboard.

        Keys that share a sample follow each other, so that it is decoded once.
        """
        sampled = sorted({s.key for s in self._nearest_sampled()}, key=lambda key: abs(key - _MIDDLE_KEY))
        for layers in (1,), (2, 0):
            for sampled_key in sampled:
                for layer in layers:
                    for key in range(NUM_KEYS):
                        if self._nearest[layer][key].key == sampled_key:
                            yield key, layer

    def _nearest_sampled(self) -> list[_Sample]:
        return sorted(set(self._nearest[-1]), key=lambda sample: sample.key)

    def _decoded(self, sample: _Sample) -> np.ndarray:
        last = self._last  # read once: another thread may replace it meanwhile
        if last is not None and last[0] == sample:
            return last[1]
        try:
            sound, _ = soundfile.read(sample.path, dtype="float32", always_2d=True)
        except (OSError, soundfile.LibsndfileError) as error:
            raise UserError(f"{sample.path}: the sample cannot be read ({error})") from error
        self._last = (sample, sound)
        return sound


def _nearest(samples: list[_Sample], layer: int) -> list[_Sample]:
    """For each key the sample of a layer that lies nearest."""
    of_layer = [sample for sample in samples if sample.layer == layer]
    if not of_layer:
        raise ValueError(f"no samples in layer {layer}")
    return [min(of_layer, key=lambda sample: abs(sample.key - key)) for key in range(NUM_KEYS)]
