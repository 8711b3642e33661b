"""Thinking ahead on a thread: begun by a press, over with the session."""

import threading
import time

import pytest

from pianogenie.events import NoteOff, NoteOn
from pianogenie.thinking import Thinking


class Mind:
    """In place of a genie: keeps the moments that it was told of; `more`: after how long there is more to it."""

    def __init__(self, more=(), takes_s=0.0, chords_take_s=0.0):
        self.times, self.more, self.takes_s, self.chords_take_s = [], list(more), takes_s, chords_take_s
        self.thought = threading.Semaphore(0)
        self.chords = 0

    def think_ahead(self, moment):
        self.times.append(moment)
        time.sleep(self.takes_s)
        self.thought.release()
        return moment + self.more.pop(0) if self.more else float("inf")

    def think_of_a_chord(self):
        self.chords += 1
        time.sleep(self.chords_take_s)
        return self.chords_take_s > 0


def test_it_thinks_before_the_first_press_after_each_and_whenever_there_is_more():
    mind = Mind(more=[float("inf"), 0.01, 0.01])
    thinking = Thinking(mind, time.monotonic)
    try:
        assert mind.thought.acquire(timeout=10)
        assert not mind.thought.acquire(timeout=0.1)
        thinking.send(NoteOff(39, 0.0))
        assert not mind.thought.acquire(timeout=0.1)
        thinking.send(NoteOn(39, 80, 0, 0.0))
        for _ in range(3):
            assert mind.thought.acquire(timeout=10)
        assert not mind.thought.acquire(timeout=0.1)
    finally:
        thinking.close()


def test_the_notes_of_a_chord_are_thought_of_once_they_are_all_there(monkeypatch):
    monkeypatch.setattr("pianogenie.thinking._SETTLES_S", 0.5)
    mind = Mind(more=[0.2])
    thinking = Thinking(mind, time.monotonic)
    try:
        assert mind.thought.acquire(timeout=10)
        time.sleep(0.15)  # the next tick falls into the chord
        for _ in range(3):
            thinking.send(NoteOn(39, 80, 0, 0.0))
            time.sleep(0.03)
        last = time.monotonic()
        assert mind.thought.acquire(timeout=10)
        assert mind.times[1] > last + 0.3 and not mind.thought.acquire(timeout=0.6)
    finally:
        thinking.close()


def test_chords_are_left_when_the_next_tick_is_due():
    mind = Mind(more=[0.05], chords_take_s=0.001)
    thinking = Thinking(mind, time.monotonic)
    try:
        for _ in range(2):
            assert mind.thought.acquire(timeout=10)
        assert mind.times[1] - mind.times[0] < 1.0 and 1 <= mind.chords
    finally:
        thinking.close()


def test_it_ends_with_the_session_whatever_it_waits_for():
    for mind in (Mind(), Mind(more=[1000.0]), Mind(takes_s=0.5), Mind(chords_take_s=0.05)):
        thinking = Thinking(mind, time.monotonic)
        mind.thought.acquire(timeout=10)
        thinking.close()
        assert not thinking._thread.is_alive()
        thinking.send(NoteOn(39, 80, 0, 0.0))


@pytest.mark.parametrize(("takes_s", "chords_take_s", "most"), [(0.02, 0.0, 9), (0.0, 0.05, 9)])
def test_a_slow_genie_does_not_take_the_machine(takes_s, chords_take_s, most):
    mind = Mind(more=[0.0] * 1000, takes_s=takes_s, chords_take_s=chords_take_s)
    thinking = Thinking(mind, time.monotonic)
    for _ in range(50):
        time.sleep(0.01)
        thinking.send(NoteOn(39, 80, 0, 0.0))
    thinking.close()
    assert 1 <= (mind.chords if chords_take_s else len(mind.times)) <= most
    if chords_take_s:
        assert len(mind.times) > mind.chords, "what comes first comes first"
