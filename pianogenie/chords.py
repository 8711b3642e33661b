"""What the second press of a chord would play, worked out before the first is pressed."""

from __future__ import annotations

from dataclasses import dataclass, field

from pianogenie.model import Decoder
from pianogenie.stepper import Stepper
from pianogenie.thoughts import Past, Thought

_MOST_STATE = 3 << 20
"""Numbers: how much state may be kept of chords that may never be played. 12 MiB; 16 buttons of `genie` take ten."""


@dataclass(eq=False)
class Side:
    """Of one thought, for each button that may be pressed first, what each would play next.

    `slots` is where in the stepper's outcomes these begin, one a button.
    """

    slots: int
    first: Thought | None = None
    seconds: dict[int, Thought] = field(default_factory=dict)


class Chords:
    """What follows each button: written button by button by whoever works it out, taken up when one has been pressed.

    There are three sides, of this tick, of the next, and of what was taken up: that is not written over while it holds.
    Not safe by itself: `next_to` and `take` are called with a lock held.

    Attributes:
        can_be_foreseen: whether this decoder's chords can be.
        stepper: works them out, once it is made; live play alone needs it.
    """

    def __init__(self, decoder: Decoder, num_buttons: int):
        self._decoder = decoder
        self._num_buttons = num_buttons
        self._taken, *self._free = (Side(side * num_buttons) for side in range(3))
        self.stepper: Stepper | None = None
        # What a press leaves to a decoder that hears velocities is known when it has come.
        few = 3 * num_buttons**2 * decoder.state_size <= _MOST_STATE
        self.can_be_foreseen = few and not decoder.takes_velocity

    def get_ready(self) -> None:
        """Make `stepper`, unless it is there or of no use: some 2 ms, for which no press is to wait."""
        if self.stepper is None and self.can_be_foreseen:
            self.stepper = Stepper(self._decoder, self._num_buttons, outcomes=3 * self._num_buttons)

    def next_to(self, first: Thought) -> tuple[Side, int] | None:
        """A button of which it is yet to be worked out what follows it, if `first` is what answers it, and the side to
        keep that on; None if there is none."""
        side = next((side for side in self._free if side.first is first), None)
        if side is None:
            side = self._free.pop(0)  # the other may be of the tick that is not over yet
            side.first, side.seconds = first, {}
            self._free.append(side)
        button = next((button for button in range(self._num_buttons) if button not in side.seconds), None)
        return None if button is None else (side, button)

    def take(self, first: Thought, button: int, past: Past) -> Thought | None:
        """What follows a button that was pressed, and answered by `first`; None if nobody thought of it."""
        for place, side in enumerate(self._free):
            if side.first is first and button in side.seconds:
                self._free[place], self._taken = self._taken, side
                side.first = None
                return side.seconds[button]._replace(past=past)
        return None
