"""The thread of a library that goes round: told by how often it sleeps."""

import sys
import threading
import time

import pytest

from pianogenie.heartbeat import Heartbeat
from pianogenie.urgency import its_threads_hurry

linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux counts a thread's sleeps")


class Library:
    """As libjack: a thread that is told of others' comings and goings, and, started last, one that goes round."""

    def __init__(self):
        self.goes, self.over, self.told = threading.Event(), threading.Event(), threading.Semaphore(0)
        self.goes.set()
        with its_threads_hurry() as self.started:
            self.threads = [threading.Thread(target=self.listen), threading.Thread(target=self.go_round)]
            for thread in self.threads:
                thread.start()

    def listen(self):
        while not self.over.is_set():
            self.told.acquire()

    def go_round(self):
        while not self.over.is_set():
            time.sleep(0.001)
            self.goes.wait()

    def tell(self, times):
        for _ in range(times):
            self.told.release()
            time.sleep(0.002)

    def end(self):
        self.over.set()
        self.goes.set()
        self.told.release()
        for thread in self.threads:
            thread.join()


@pytest.fixture
def library():
    library = Library()
    yield library
    library.end()


@linux
def test_it_beats_while_the_thread_goes_round_and_stops_with_it(library):
    heart = Heartbeat(library.started)
    assert heart.wait(20, 10.0)
    library.goes.clear()
    time.sleep(0.1)
    assert not heart.wait(2, 0.1)
    threading.Timer(0.2, library.goes.set).start()
    assert heart.wait(2, 10.0)


@linux
def test_news_of_other_programs_is_no_beat(library):
    heart = Heartbeat(library.started)
    library.goes.clear()
    time.sleep(0.1)
    news = threading.Thread(target=library.tell, args=(100,))
    news.start()
    assert not heart.wait(2, 0.3)
    news.join()


@linux
def test_nobody_waits_for_one_that_is_known_to_be_dead(library):
    heart = Heartbeat(library.started)
    library.goes.clear()
    time.sleep(0.1)
    began = time.monotonic()
    assert not heart.wait(2, 60.0, unless=lambda: True)
    assert time.monotonic() - began < 30


def test_where_there_is_nothing_to_see_nothing_is_waited_for():
    assert Heartbeat().wait(1, 60.0)
    assert Heartbeat([2**22 + 1]).wait(1, 60.0)  # a thread that is no more
