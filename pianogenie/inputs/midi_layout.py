"""Which notes of a MIDI controller press which buttons.

As long as a controller was not taught (`pianogenie map midi`), keys and pads are told apart by the MIDI channel:

- On channel 10, where drum pads send, and from devices that call themselves pads, every note counts: 36, where pads
  begin by old custom, is the lowest button, 37 the next, and after the highest it begins anew (a second bank of pads).
- Elsewhere white keys are buttons and black keys are not: middle C (60) is the lowest button, and after the highest it
  begins anew, so that a hand may lie anywhere. Below middle C it goes on in the same way.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pianogenie.settings import Midi

NUM_CHANNELS, NUM_NOTES = 16, 128
NO_BUTTON = -1
_DRUM_CHANNEL = 9  # the tenth
_LOWEST_PAD = 36
_MIDDLE_C = 60
_WHITE = (0, 2, 4, 5, 7, 9, 11)
_PADS = ("pad", "lpd8", "mpd2", "maschine", "beatstep")
"""In the names of devices that are pads and may send on any channel."""

Table = list[int]
"""Note number (0..127) -> button, or NO_BUTTON."""


def tables(port_name: str, learnt: Mapping[str, Midi], num_buttons: int) -> list[Table]:
    """A Table for each of the 16 channels of a controller.

    Args:
        port_name: the port's, without the numbers that change whenever it is plugged in.
        learnt: what a person has taught, by (a part of) the port's name.
        num_buttons: the model's.
    """
    taught = learnt.get(port_name) or next((m for name, m in learnt.items() if name.lower() in port_name.lower()), None)
    if taught is not None:
        return [_in_order(taught.notes, num_buttons)] * NUM_CHANNELS
    keys, pads = _white_keys(num_buttons), _chromatic(num_buttons)
    if any(word in port_name.lower() for word in _PADS):
        keys = pads
    return [pads if channel == _DRUM_CHANNEL else keys for channel in range(NUM_CHANNELS)]


def _in_order(notes: tuple[int, ...], num_buttons: int) -> Table:
    table = [NO_BUTTON] * NUM_NOTES
    for button, note in enumerate(notes[:num_buttons]):
        table[note] = button
    return table


def _chromatic(num_buttons: int) -> Table:
    return [(note - _LOWEST_PAD) % num_buttons for note in range(NUM_NOTES)]


def _white_keys(num_buttons: int) -> Table:
    table = [NO_BUTTON] * NUM_NOTES
    for note in range(NUM_NOTES):
        octave, step = divmod(note - _MIDDLE_C, 12)
        if step in _WHITE:
            table[note] = (7 * octave + _WHITE.index(step)) % num_buttons
    return table
