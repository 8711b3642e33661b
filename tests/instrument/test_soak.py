"""Hours of play in minutes: `make soak`."""

import random
import resource
import subprocess
import sys

import pytest

from pianogenie.events import Pedal, Press, Release
from pianogenie.genie import Genie
from pianogenie.model import load_model
from pianogenie.performer import Performer
from pianogenie.profiles import find_profile
from tests.instrument.listeners import Books, Clock, MidiPort, Truth
from tests.toymodel import write_model

PRESSES = 1_000_000


def a_million(performer: Performer, early: list[float]) -> None:
    """At fifty presses a second of played time, more than five hours; keeps how much memory the first tenth took."""
    draw = random.Random(1)
    for i in range(PRESSES):
        now = i * 0.02
        performer.play(Press(draw.randrange(8), now))
        if draw.random() < 0.8:
            performer.play(Release(draw.randrange(8), now + 0.01))
        if i % 50 == 0:
            performer.play(Pedal(draw.choice((0, 127)), now + 0.015))
        if i == PRESSES // 10:
            early.append(resident_mib())
    performer.close()
    assert not performer.failures


def resident_mib() -> float:
    """The most memory this process has had so far."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1 << 20 if sys.platform == "darwin" else 1 << 10)


@pytest.mark.soak
def test_a_million_presses_leave_nothing_sounding_and_no_memory_taken(tmp_path, record_property):
    books, early = Books(), []
    genie = Genie(load_model(write_model(tmp_path / "m", spread=0.3)), temperature=1, seed=1)
    a_million(Performer(genie, [books]), early)
    assert books.ons == PRESSES and not books.keys and books.pedal == 0
    assert resident_mib() - early[0] < 8, "it grows as it plays"
    record_property("tried", PRESSES)


@pytest.mark.soak
def test_a_million_presses_never_break_the_limits_of_a_disklavier(record_property):
    """Through the port's own books and timing, on a clock that the test moves: a strike too soon, a key too many or a
    note too short fails there and then (`listeners.MidiPort`, `test_limits.Piano`)."""
    clock = Clock()
    port = MidiPort(find_profile("disklavier")[1], clock)
    truth, genie, draw = Truth(), Keys(1), random.Random(2)
    performer = Performer(genie, [port.output, truth])
    early = 0.0
    for i in range(PRESSES):
        port.until(i * 0.02)
        performer.play(Press(draw.randrange(8), clock.now))
        if draw.random() < 0.8:
            performer.play(Release(draw.randrange(8), clock.now))
        if i % 50 == 0:
            performer.play(Pedal(draw.choice((0, 64, 127)), clock.now))
        if i % 1000 == 0:
            assert not performer.failures, performer.failures
            port.check(truth)
            port.piano.messages.clear()
            port.piano.strikes.clear()
            del truth.done[:]
        if i == PRESSES // 10:
            early = resident_mib()
    port.piano.cutting = True
    performer.close()
    port.end()
    truth.end()
    assert truth.ons == PRESSES and not performer.failures
    assert resident_mib() - early < 8, "it grows as it plays"
    record_property("tried", PRESSES)


class Keys:
    """A genie that picks any key, the same ones often: a port is tried, not a model."""

    def __init__(self, seed):
        self._draw = random.Random(seed)

    def press(self, button, time, velocity=None):
        return 30 + button * 3 + self._draw.randrange(4), self._draw.randrange(1, 128)


RECORDED = """
import sys
from pathlib import Path
from pianogenie.genie import Genie
from pianogenie.model import load_model
from pianogenie.outputs.recorder import Recorder
from pianogenie.performer import Performer
from tests.instrument.test_soak import a_million, resident_mib
recorder, early = Recorder(Path(sys.argv[2]), 8), []
performer = Performer(Genie(load_model(sys.argv[1]), temperature=1, seed=1), [recorder])
a_million(performer, early)
print(resident_mib() - early[0])
"""


@pytest.mark.soak
def test_a_million_presses_are_recorded_and_no_memory_taken(tmp_path, record_property):
    """In a process of its own, whose highest memory is its own; the end, where the files are written, included."""
    model = write_model(tmp_path / "m", spread=0.3)
    command = [sys.executable, "-c", RECORDED, str(model), str(tmp_path / "music")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 24, "it grows as it plays"
    (journal,) = (tmp_path / "music").glob("*.json")
    with open(journal, encoding="utf-8") as file:
        assert sum('"press"' in line for line in file) == PRESSES
    assert journal.with_suffix(".mid").stat().st_size > 4 * PRESSES
    record_property("tried", PRESSES)
