"""Memory that two processes see: written here, read there, gone with its owner."""

import os
import subprocess
import sys

import pytest

from pianogenie.window import shared
from pianogenie.window.shared import SharedBlock

OTHER = """
import sys
from pianogenie.window import shared
shared._IN_MEMORY_ALONE = sys.argv[2] == "True"
block = shared.SharedBlock.attach(sys.argv[1])
print(bytes(block.buf[:5]).decode())
block.buf[0] = ord("J")
block.close()
"""

linux = pytest.mark.skipif(not shared._IN_MEMORY_ALONE, reason="Linux alone has files in memory alone")


@pytest.fixture(params=[pytest.param(True, marks=linux), False], ids=["in memory alone", "Python's own"])
def way(request, monkeypatch):
    monkeypatch.setattr(shared, "_IN_MEMORY_ALONE", request.param)
    return request.param


def test_what_one_process_writes_the_other_reads(way):
    block = SharedBlock.create(10_000)
    assert len(block.buf) >= 10_000 and not any(block.buf) and len(block.name) <= 64
    block.buf[:5] = b"hello"
    words = [sys.executable, "-c", OTHER, block.name, str(way)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "hello\n" and bytes(block.buf[:5]) == b"Jello"
    block.close()


def test_one_that_is_gone_is_not_found(way):
    block = SharedBlock.create(100)
    block.close()
    block.close()
    with pytest.raises(FileNotFoundError):
        SharedBlock.attach(block.name)


@linux
def test_a_file_that_has_taken_its_number_is_left_alone(tmp_path):
    block = SharedBlock.create(100)
    number = int(block.name.rpartition("/")[2])
    block.close()
    (tmp_path / "diary").write_bytes(bytes(100))
    other = os.open(tmp_path / "diary", os.O_RDWR)
    os.dup2(other, number)
    try:
        with pytest.raises(FileNotFoundError):
            SharedBlock.attach(block.name)
    finally:
        os.close(number)
        if other != number:
            os.close(other)


@linux
def test_nothing_stays_open():
    before = len(os.listdir("/proc/self/fd"))
    block = SharedBlock.create(100)
    SharedBlock.attach(block.name).close()
    block.close()
    assert len(os.listdir("/proc/self/fd")) == before


@linux
def test_it_takes_no_process_of_its_own():
    program = """
import os
from pianogenie.window.stage import Stage
with Stage.create(8):
    children = open(f"/proc/self/task/{os.getpid()}/children").read()
print(repr(children))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.stdout == "''\n", done.stderr
