"""Memory that two processes see.

On Linux it is a file that lies in memory alone (memfd_create(2)); the other process opens it through /proc, and it is
gone with its owner, however that ends. Elsewhere it is Python's own `shared_memory`, whose library watches over it with
a process of its own, of some 6 MB.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import sys

_IN_MEMORY_ALONE = sys.platform == "linux" and hasattr(os, "memfd_create")
_MARK = "pianogenie-shared"


class SharedBlock:
    """Bytes that are zero at first. Use `create` in the process that owns them and `attach` in the other.

    Attributes:
        buf: memoryview, at least as long as was asked for. All that is made of it must be let go of before `close`.
        name: what `attach` takes; up to 64 characters.
    """

    def __init__(self, mapping: mmap.mmap, name: str, descriptor: int | None = None):
        self._mapping, self._descriptor = mapping, descriptor
        self.buf, self.name = memoryview(mapping), name

    @classmethod
    def create(cls, size: int) -> SharedBlock:
        """A fresh block of so many bytes. OSError where there is no room."""
        if not _IN_MEMORY_ALONE:
            return _PythonsOwn.create(size)
        descriptor = os.memfd_create(_MARK)
        try:
            os.ftruncate(descriptor, size)
            return cls(mmap.mmap(descriptor, size), f"/proc/{os.getpid()}/fd/{descriptor}", descriptor)
        except BaseException:
            os.close(descriptor)
            raise

    @classmethod
    def attach(cls, name: str) -> SharedBlock:
        """The block that another process created. FileNotFoundError when it is gone."""
        if not _IN_MEMORY_ALONE:
            return _PythonsOwn.attach(name)
        descriptor = os.open(name, os.O_RDWR)
        try:
            # The number may be another file's by now, which is not ours to write to.
            if _MARK not in os.readlink(f"/proc/self/fd/{descriptor}"):
                raise FileNotFoundError(f"{name}: is gone")
            return cls(mmap.mmap(descriptor, 0), name)
        except ValueError as error:  # of no length
            raise FileNotFoundError(f"{name}: is gone") from error
        finally:
            os.close(descriptor)

    def close(self) -> None:
        """Let go of it; who has created it removes it. May be called again."""
        self.buf.release()
        self._mapping.close()
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


class _PythonsOwn(SharedBlock):
    """By `multiprocessing.shared_memory`."""

    def __init__(self, memory, owned: bool):
        self._memory, self._owned = memory, owned
        self.buf, self.name = memory.buf, memory.name

    @classmethod
    def create(cls, size: int) -> SharedBlock:
        from multiprocessing import shared_memory

        return cls(shared_memory.SharedMemory(create=True, size=size), owned=True)

    @classmethod
    def attach(cls, name: str) -> SharedBlock:
        from multiprocessing import shared_memory

        return cls(shared_memory.SharedMemory(name=name), owned=False)

    def close(self) -> None:
        self._memory.close()
        if self._owned:
            self._owned = False
            with contextlib.suppress(FileNotFoundError):
                self._memory.unlink()
