"""Thinks ahead while somebody plays, so that a press finds its answer made: what each button would play now; and for
who plays chords, what each would play right after it."""

from __future__ import annotations

import queue
import threading
import time as clocks
from collections.abc import Callable

from pianogenie.events import NoteOn, PianoEvent
from pianogenie.genie import Genie
from pianogenie.outputs.base import Output
from pianogenie.urgency import its_threads_hurry

_AHEAD_S = 0.002
"""How long before a tick begins its answers are to be there."""
_SETTLES_S = 0.0006
"""How long it holds back after a press, in which the rest of a chord comes: whose third would wait for a thought that
is of no use to it."""
_FOR_THOUGHTS, _FOR_CHORDS = (0.2, 0.05), (0.4, 0.2)
"""What they may take: see `_Budget`."""


class _Budget:
    """Of one core's time: a share of it on average, however slow a model is.

    Args:
        share: 0 to 1.
        in_advance_s: of working and resting, so that who plays quickly finds it awake.
    """

    def __init__(self, share: float, in_advance_s: float):
        self._share, self._in_advance_s = share, in_advance_s
        self._paid_until = clocks.perf_counter()

    def spend(self, began: float) -> None:
        """What was begun then, on the clock of `perf_counter`, is done now."""
        self._paid_until = max(self._paid_until, began) + (clocks.perf_counter() - began) / self._share

    def is_there_from(self) -> float:
        """When there is something left of it, on that clock."""
        return self._paid_until - self._in_advance_s


class Thinking(Output):
    """A thread that keeps a genie's thoughts one step ahead of the player, from each press on until 8 s later.

    An output, to stand behind the MIDI ports: it begins once a note is out, beside what is quick to hear it anyway.
    Nothing that is played depends on it, only when.

    Args:
        genie: thinks.
        clock: seconds, of the events' times.
    """

    name = "thinking"

    def __init__(self, genie: Genie, clock: Callable[[], float]):
        self._genie = genie
        self._clock = clock
        self._told: queue.SimpleQueue[bool] = queue.SimpleQueue()  # a press came; False is the end
        self._thread = threading.Thread(target=self._run, name="thinking", daemon=True)
        with its_threads_hurry():
            self._thread.start()

    def send(self, event: PianoEvent) -> None:
        """A note-on: begin to think of the next."""
        if type(event) is NoteOn:
            self._told.put(True)

    def close(self) -> None:
        """Think no more."""
        self._told.put(False)
        self._thread.join()

    def _run(self) -> None:
        thoughts, chords = _Budget(*_FOR_THOUGHTS), _Budget(*_FOR_CHORDS)
        rested = again_at = thoughts.is_there_from()
        while self._pass(rested, again_at):
            moment, began = self._clock() + _AHEAD_S, clocks.perf_counter()
            more_in = self._genie.think_ahead(moment) - moment
            thoughts.spend(began)
            rested = thoughts.is_there_from()
            again_at = max(began + more_in, rested)
            while chords.is_there_from() <= (began := clocks.perf_counter()) < again_at:
                if not self._genie.think_of_a_chord():
                    break
                chords.spend(began)

    def _pass(self, rested: float, again_at: float) -> bool:
        """Sleep until `again_at`; or, if a press comes by then, until that has settled, but `rested` at least. False at
        the end."""
        while True:
            left = max(0.0, again_at - clocks.perf_counter())
            try:
                if not self._told.get(timeout=None if left == float("inf") else left):
                    return False
            except queue.Empty:
                return True
            again_at = max(rested, clocks.perf_counter() + _SETTLES_S)
