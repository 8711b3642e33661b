"""Silence for C libraries that print to standard error what is no news to a person."""

import contextlib
import os
from collections.abc import Iterator


@contextlib.contextmanager
def silent_stderr() -> Iterator[None]:
    """Send file descriptor 2 nowhere for the length of a block."""
    try:
        saved = os.dup(2)
    except OSError:  # there is no standard error at all
        yield
        return
    sink = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(sink, 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(sink)
