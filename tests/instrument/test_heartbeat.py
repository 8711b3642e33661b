"""Threads of a library: whether they go round is told by how often they sleep."""

import sys
import threading
import time

import pytest

from pianogenie.heartbeat import Heartbeat
from pianogenie.urgency import its_threads_hurry

linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux counts a thread's sleeps")


@pytest.fixture
def goes_round():
    """A thread that goes round and round, but for when its event is cleared; and one that only waits."""
    going, over = threading.Event(), threading.Event()
    going.set()

    def rounds():
        while not over.is_set():
            time.sleep(0.001)
            going.wait()

    with its_threads_hurry() as started:
        threads = [threading.Thread(target=rounds), threading.Thread(target=over.wait)]
        for thread in threads:
            thread.start()
    yield Heartbeat(started), going
    over.set()
    going.set()
    for thread in threads:
        thread.join()


@linux
def test_it_beats_while_the_thread_goes_round_and_stops_with_it(goes_round):
    heart, going = goes_round
    assert heart.wait(20, 10.0)
    going.clear()
    time.sleep(0.1)
    assert not heart.wait(2, 0.1)
    threading.Timer(0.2, going.set).start()
    assert heart.wait(2, 10.0)


@linux
def test_nobody_waits_for_one_that_is_known_to_be_dead(goes_round):
    heart, going = goes_round
    going.clear()
    time.sleep(0.1)
    began = time.monotonic()
    assert not heart.wait(2, 60.0, unless=lambda: True)
    assert time.monotonic() - began < 30


def test_where_there_is_nothing_to_see_nothing_is_waited_for():
    assert Heartbeat().wait(1, 60.0)
    thread = threading.Thread(target=int)
    thread.start()
    thread.join()
    assert Heartbeat([2**22 + 1]).wait(1, 60.0)  # of a thread that is no more
