"""Ears for the tests of the built-in piano: what is in a sound, in numbers."""

import wave
from pathlib import Path

import numpy as np

from pianogenie.keys import pitch_of

RATE_HZ = 44_100


def heard(path: Path) -> np.ndarray:
    """Read a 16-bit stereo WAV file: float64 (frames, 2), full scale 1."""
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (2, 2, RATE_HZ)
        raw = file.readframes(file.getnframes())
    return np.frombuffer(raw, "<i2").reshape(-1, 2) / 32768


def level(sound: np.ndarray, from_s: float, to_s: float) -> float:
    """The root mean square of a stretch."""
    return float(np.sqrt(np.mean(sound[round(from_s * RATE_HZ) : round(to_s * RATE_HZ)] ** 2)))


def frequency_hz(key: int) -> float:
    """The frequency of a key in equal temperament."""
    return 440 * 2 ** ((pitch_of(key) - 69) / 12)


def cents_off(sound: np.ndarray, key: int) -> float:
    """How far the strongest tone within a semitone of a key lies from it, in cents."""
    mono = sound.sum(axis=1)
    spectrum = np.abs(np.fft.rfft(mono * np.hanning(len(mono)), 1 << 19))
    frequencies = np.fft.rfftfreq(1 << 19, 1 / RATE_HZ)
    wanted = frequency_hz(key)
    near = np.flatnonzero((frequencies > wanted * 2 ** (-1 / 12)) & (frequencies < wanted * 2 ** (1 / 12)))
    peak = near[np.argmax(spectrum[near])]
    assert near[0] < peak < near[-1], "no peak near the key's frequency"
    return float(1200 * np.log2(frequencies[peak] / wanted))


def tone(sound: np.ndarray, key: int) -> float:
    """How much of a key's frequency is in a sound."""
    mono = sound.sum(axis=1) * np.hanning(len(sound))
    spectrum = np.abs(np.fft.rfft(mono))
    frequencies = np.fft.rfftfreq(len(mono), 1 / RATE_HZ)
    wanted = frequency_hz(key)
    return float(spectrum[(frequencies > wanted / 1.02) & (frequencies < wanted * 1.02)].max())


def stretches(sound: np.ndarray, threshold: float = 0.001, gap_s: float = 0.05) -> list[tuple[float, float]]:
    """The stretches (from, to), in seconds, that are louder than a threshold, bridging gaps."""
    loud = np.flatnonzero(np.abs(sound).max(axis=1) > threshold)
    if not len(loud):
        return []
    breaks = np.flatnonzero(np.diff(loud) > gap_s * RATE_HZ)
    firsts, lasts = loud[np.r_[0, breaks + 1]], loud[np.r_[breaks, len(loud) - 1]]
    return [(first / RATE_HZ, last / RATE_HZ) for first, last in zip(firsts, lasts, strict=True)]
