"""Keys, pitches and the conventions of the decoder's inputs, in one place.

A key is one of the 88 piano keys, 0 (A0) to 87 (C8). A pitch is a MIDI note number, 21 to 108.
"""

NUM_KEYS = 88
LOWEST_PITCH = 21
HIGHEST_PITCH = LOWEST_PITCH + NUM_KEYS - 1
NO_KEY = NUM_KEYS
"""What `prev_key` holds before anything was played."""

FIRST_DELTA_TIME_S = 1e6
"""What `delta_time` holds at the first press: so long ago that it does not matter."""

_NAMES = ("C", "C♯", "D", "E♭", "E", "F", "F♯", "G", "A♭", "A", "B♭", "B")


def pitch_of(key: int) -> int:
    """The MIDI note number (21..108) of a key (0..87)."""
    return key + LOWEST_PITCH


def key_of(pitch: int) -> int:
    """The key (0..87) of a MIDI note number (21..108)."""
    return pitch - LOWEST_PITCH


def is_black(key: int) -> bool:
    """Whether a key (0..87) is one of the 36 black ones."""
    return (key + LOWEST_PITCH) % 12 in (1, 3, 6, 8, 10)


def name_of(key: int) -> str:
    """A key's name in scientific pitch notation: 0 -> 'A0', 39 -> 'C4', 87 -> 'C8'."""
    pitch = pitch_of(key)
    return f"{_NAMES[pitch % 12]}{pitch // 12 - 1}"
