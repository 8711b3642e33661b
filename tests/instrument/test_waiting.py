"""Sleeping until an event is there: on SDL, on the files of devices, on both."""

import os
import sys
import threading
import time

import pygame
import pytest

from pianogenie.inputs.gamepad_loop import start_no_display
from pianogenie.inputs.waiting import EventWaiter, device_files

LONG_MS = 20_000

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere pads are no files")


@pytest.fixture
def waiter():
    start_no_display()
    pygame.event.clear()
    waiter = EventWaiter(display_fileno=-1)
    yield waiter
    waiter.close()
    pygame.display.quit()


@pytest.fixture
def pipe():
    ends = os.pipe()
    yield ends
    for end in ends:
        os.close(end)


def later(do):
    threading.Timer(0.1, do).start()


def woke_early(waiter):
    """Whether a long wait ended before its time: a wait that does not would take far longer than anything else."""
    start = time.monotonic()
    waiter(LONG_MS)
    return time.monotonic() - start < LONG_MS / 2000


def test_a_device_that_has_something_to_say_ends_the_wait(waiter, pipe):
    waiter.watch([pipe[0]])
    later(lambda: os.write(pipe[1], b"x"))
    assert woke_early(waiter)


def test_a_device_that_nobody_reads_does_not_keep_us_awake(waiter, pipe):
    waiter.watch([pipe[0]])
    os.write(pipe[1], b"x")
    assert woke_early(waiter)
    start = time.monotonic()
    waiter(100)
    assert time.monotonic() - start >= 0.09


def test_an_event_that_is_there_already_ends_the_wait_and_stays_there(waiter, pipe):
    waiter.watch([pipe[0]])
    pygame.event.post(pygame.event.Event(pygame.USEREVENT))
    assert woke_early(waiter)
    assert pygame.event.poll().type == pygame.USEREVENT


def test_without_files_sdl_sleeps(waiter):
    waiter.watch(None)
    later(lambda: pygame.event.post(pygame.event.Event(pygame.USEREVENT)))
    assert woke_early(waiter)


def test_a_file_that_is_gone_already_is_no_trouble(waiter, pipe):
    end = os.dup(pipe[0])
    os.close(end)
    waiter.watch([end])
    waiter(1)


def test_a_device_is_found_by_its_path_among_the_files_that_are_open(tmp_path):
    paths = [tmp_path / name for name in ("event3", "event4")]
    files = [path.open("w") for path in paths]
    try:
        assert sorted(device_files(map(str, paths))) == sorted(file.fileno() for file in files)
        assert device_files([]) == []
        assert device_files([str(paths[0]), None]) is None, "a pad without a file is polled"
        assert device_files([str(paths[0]), str(tmp_path / "event5")]) is None
    finally:
        for file in files:
            file.close()
