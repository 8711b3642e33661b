"""What goes wrong with machines, made here: disks that fill up."""

import contextlib
import resource
from collections.abc import Iterator


@contextlib.contextmanager
def full_disk(largest_bytes: int) -> Iterator[None]:
    """No file may grow over so many bytes for the length of a block; the system refuses (EFBIG) what is over.

    Works everywhere, and for anybody; the threads and processes that are started meanwhile are under it too.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
