"""The genie: a button and a time in, a key out. What goes on in its head may be over before the button is pressed."""

import secrets
import threading

from pianogenie import ticks
from pianogenie.chords import Chords
from pianogenie.dynamics import Dynamics
from pianogenie.keys import FIRST_DELTA_TIME_S
from pianogenie.luck import Luck
from pianogenie.model import Model
from pianogenie.stepper import Stepper
from pianogenie.thoughts import Past, Thought

DEFAULT_TEMPERATURE = 0.25
"""What the paper's authors play with: lively, rarely wrong."""
_TOGETHER = 0
"""The tick of a press that comes together with the one before."""
_LATELY = 32
"""Presses: who has not played a chord for so many is not expected to play one, which saves most of the work."""


class Genie:
    """Remembers what was played and picks the next key.

    The same model, temperature, seed and presses give the same keys, live and offline, thought of ahead or not.
    Times are heard in ticks (`pianogenie.ticks`). A thread may think while another presses; a press whose answer is
    there does not wait for what is being worked out.

    Args:
        model: a loaded model folder.
        temperature: 0 (always the most likely key) to 1 (as varied as the training data).
        seed: of the draws; None takes a fresh one, kept in `seed`.
        dynamics: who says how loud; the first of the device, the model and a constant unless told otherwise.
    """

    def __init__(
        self,
        model: Model,
        temperature: float = DEFAULT_TEMPERATURE,
        seed: int | None = None,
        dynamics: Dynamics | None = None,
    ):
        self.model = model
        self.temperature = temperature
        self.seed = secrets.randbits(32) if seed is None else seed
        self.dynamics = dynamics or Dynamics()
        self._luck = Luck(self.seed)
        self._stepper = Stepper(model.decoder, model.num_buttons, outcomes=2)
        # Of this tick and the next, by turns: the place of each, here and in the stepper, is its number modulo 2.
        self._thoughts: list[Thought | None] = [None, None]
        self._chords = Chords(model.decoder, model.num_buttons)
        self._second: Thought | None = None  # of the chords that were thought of, the one that was begun
        self._chord_at = -_LATELY  # the number of the last press that was together with the one before
        self._ahead: Thought | None = None  # what was thought of last
        self._past = self._told = Past()  # up to which the stepper was told
        self._turn = threading.Lock()  # held by a press that waits for the mind, or has it
        self._mind = threading.Lock()  # held while a stepper is at work
        self._lock = threading.Lock()  # held for a moment, also within the other: the past, and which thoughts hold

    def press(self, button: int, time: float, velocity: int | None = None) -> tuple[int, int]:
        """The key (0..87) and velocity (1..127) for a button pressed at `time` (seconds).

        `velocity` is the device's, or None; what counts is `dynamics`' to say.
        """
        tick = self._tick_of(time)
        with self._lock:
            thought = self._at_hand(tick)
            if thought is not None:
                return self._play(thought, button, time, velocity)
        with self._turn, self._mind:
            thought = self._think(tick)
            with self._lock:
                return self._play(thought, button, time, velocity)

    def think_ahead(self, time: float) -> float:
        """Work out what a press at `time` would play, unless that is done; never changes what will be played.

        Returns when there is more to think of, if nothing is pressed until then: the end of the tick, in seconds on the
        clock of `time`; infinity if there is not.
        """
        self._chords.get_ready()
        self._after_presses()
        with self._mind:
            self._ahead = thought = self._think(self._tick_of(time))
            self._luck.at(thought.past.presses + 1, self.temperature)  # now there is time
            return ticks.end_of(thought.tick) + (thought.past.time or 0.0)

    def think_of_a_chord(self) -> bool:
        """After `think_ahead`, work out what a second press would play that comes together with the one it thought of,
        for one button more that this may be; never changes what will be played.

        False if there is nothing to work out: all is, or a press came first, or there were no chords of late, or the
        model's cannot be foreseen.
        """
        if not self._chords.can_be_foreseen:
            return False
        self._after_presses()
        with self._mind:
            with self._lock:
                first = self._ahead
                if first is None or first.past is not self._past:
                    return False
                if first.past.presses - self._chord_at >= _LATELY:
                    return False
                place = self._chords.next_to(first)
                if place is None:
                    return False
            side, button = place
            self._tell(first.past)  # its outcome may be on a side that is free by now
            self._chords.stepper.go_on(first.outcome, button, first.keys[button], 0)
            presses = first.past.presses + 1
            second = self._answer(self._chords.stepper, side.slots + button, None, presses, _TOGETHER)
            with self._lock:
                side.seconds[button] = second
            return True

    def _after_presses(self) -> None:
        """Wait for a press that has something to ask: who lets go of the mind might else have it again before that."""
        with self._turn:
            pass

    def _tick_of(self, time: float) -> int:
        last = self._past.time
        return ticks.FIRST if last is None else ticks.tick_of(time - last)

    def _play(self, thought: Thought, button: int, time: float, velocity: int | None) -> tuple[int, int]:
        """For who holds the lock."""
        key = thought.keys[button]
        if velocity is None or not self.dynamics.device:
            expected = thought.outcome.velocity
            if expected is None or not self.dynamics.model:
                velocity = self.dynamics.fixed
            else:
                velocity = min(127, max(1, round(expected.item(button, key))))
        if thought.tick == _TOGETHER:
            self._chord_at = self._past.presses
        self._past = Past(self._past.presses + 1, time, thought.outcome, button, key, velocity)
        self._second = self._chords.take(thought, button, self._past)
        return key, velocity

    def _at_hand(self, tick: int) -> Thought | None:
        """What was thought of for a tick, if it still holds. For who holds the lock."""
        for thought in (self._thoughts[tick & 1], self._second):
            if thought is not None and thought.past is self._past and thought.tick == tick:
                return thought if thought.temperature == self.temperature else None
        return None

    def _think(self, tick: int) -> Thought:
        """What each button plays in a tick; at hand, if that was asked before. For who holds the mind."""
        slot = tick & 1
        with self._lock:
            thought = self._at_hand(tick)
            if thought is not None:
                return thought
            # From here on the slot's outcome is being written; a press that needs it waits for the mind.
            self._thoughts[slot] = None
            past = self._past
        self._tell(past)
        self._thoughts[slot] = thought = self._answer(self._stepper, slot, past, past.presses, tick)
        return thought

    def _tell(self, past: Past) -> None:
        """Have the stepper know the past, if it does not. For who holds the mind."""
        if past is not self._told:
            self._stepper.go_on(past.outcome, past.button, past.key, past.velocity)
            self._luck.forget_before(past.presses)
            self._told = past

    def _answer(self, stepper: Stepper, slot: int, past: Past | None, presses: int, tick: int) -> Thought:
        """What each button plays with so many presses behind it, the last of which the stepper knows."""
        temperature = self.temperature
        outcome = stepper.step(FIRST_DELTA_TIME_S if tick == ticks.FIRST else ticks.middle_of(tick), slot)
        keys = (outcome.logits + self._luck.at(presses, temperature)).argmax(1).tolist()
        return Thought(past, tick, temperature, outcome, keys)
