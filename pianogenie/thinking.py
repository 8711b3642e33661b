"""Thinks ahead while somebody plays: what each button would play now, so that a press finds its answer made."""

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
_SHARE = 0.2
"""Of one core: what it may take on average, however slow a model is."""
_IN_ADVANCE_S = 0.05
"""Of thinking and resting, so that quick presses find it awake."""


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
        rested = again_at = paid_until = clocks.perf_counter()
        while self._pass(rested, again_at):
            moment, began = self._clock() + _AHEAD_S, clocks.perf_counter()
            more_in = self._genie.think_ahead(moment) - moment
            paid_until = max(paid_until, began) + (clocks.perf_counter() - began) / _SHARE
            rested = paid_until - _IN_ADVANCE_S
            again_at = max(began + more_in, rested)

    def _pass(self, rested: float, again_at: float) -> bool:
        """Sleep until `again_at`, or `rested` if there was a press by then, or a press. False at the end."""
        while (now := clocks.perf_counter()) < again_at:
            try:
                if not self._told.get(timeout=None if again_at == float("inf") else again_at - now):
                    return False
            except queue.Empty:
                return True
            again_at = rested
        return True
