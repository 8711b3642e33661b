"""What the second press of a chord would play, worked out before the first is pressed."""

import functools

from pianogenie.model import Decoder
from pianogenie.stepper import Stepper
from pianogenie.thoughts import Past, Thought

_MOST_STATE = 1 << 20
"""Numbers: how much state may be kept of chords that may never be played."""


class Chords:
    """For each button that may be pressed first, what each would play next.

    Written by whoever works it out, button by button, and taken up when the first has been pressed. There are two sides
    of outcomes: what was taken up from one stays there while the other is written.
    """

    def __init__(self, decoder: Decoder, num_buttons: int):
        self._decoder = decoder
        self._num_buttons = num_buttons
        self._side = 0
        self._first: Thought | None = None
        self._seconds: dict[int, Thought] = {}
        # What a press leaves to a decoder that hears velocities is known when it has come.
        few = 2 * num_buttons**2 * decoder.state_size <= _MOST_STATE
        self.can_be_foreseen = few and not decoder.takes_velocity

    @functools.cached_property
    def stepper(self) -> Stepper:
        """Which works them out; for live play alone, so it is made when that begins."""
        return Stepper(self._decoder, self._num_buttons, outcomes=2 * self._num_buttons)

    def next_to(self, first: Thought) -> int | None:
        """A button of which it is yet to be worked out what follows it, if `first` is what answers it; or None."""
        if first is not self._first:
            self._first, self._seconds = first, {}
        return next((button for button in range(self._num_buttons) if button not in self._seconds), None)

    def slot_of(self, button: int) -> int:
        """Where the stepper is to write what follows a button."""
        return self._side * self._num_buttons + button

    def keep(self, first: Thought, button: int, second: Thought) -> None:
        """That has been worked out, unless it is too late."""
        if first is self._first:
            self._seconds[button] = second

    def take(self, first: Thought, button: int, past: Past) -> Thought | None:
        """What follows a button that was pressed, and answered by `first`; None if nobody thought of it."""
        if first is not self._first or button not in self._seconds:
            return None
        self._first, self._side = None, 1 - self._side
        return self._seconds[button]._replace(past=past)
