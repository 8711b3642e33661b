"""Sockets that a library opened: noticed when the other end hangs up."""

import os
import socket
import sys

import pytest

from pianogenie.lifelines import Lifelines


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux shows which sockets were opened")
def test_a_server_that_ends_is_noticed_even_if_the_library_has_closed_its_own_end():
    lines = Lifelines()
    before = len(os.listdir("/proc/self/fd"))
    with lines.opened():
        ours, servers = socket.socketpair()
        unrelated = os.open(os.devnull, os.O_RDONLY)
    os.close(lines._copies.pop())  # a pair has both ends in this process; a server's is in its own
    assert not lines.are_cut()
    servers.send(b"words that nobody reads do not count")
    assert not lines.are_cut()
    ours.close()
    servers.close()
    os.close(unrelated)
    assert lines.are_cut()
    lines.close()
    assert not lines.are_cut()
    assert len(os.listdir("/proc/self/fd")) == before
