"""An X server of our own, and a client that presses keys in it and learns when the server took each up.

The protocol is spoken as it is, over the server's socket: what is wanted is to put a request for the time right before
the request that presses a key, in one piece of writing, which no library of Python's offers.
"""

from __future__ import annotations

import array
import contextlib
import os
import socket
import struct
import time
from collections.abc import Iterator

from pianogenie.bench.programs import Missing, find, started

_SCREEN = "1280x800x24"
_START_S = 20.0

ESCAPE = 9
DIGITS = tuple(range(10, 18))
HOME_ROW = (38, 39, 40, 41, 44, 45, 46, 47)
"""X's codes of the keys 1 to 8 and a s d f j k l ; as evdev keyboards have them."""

_QUERY_EXTENSION = 98
_EVENT_KEY_DOWN, _EVENT_KEY_UP, _FAKE_INPUT = 2, 3, 2
_NOTIFY_MSC, _SELECT_INPUT, _COMPLETE_NOTIFY, _COMPLETE_NOTIFY_MASK = 2, 3, 1, 2
_ERROR, _REPLY, _GENERIC_EVENT = 0, 1, 35
_UP = 1 << 31
"""Set in the serial of a request for the time when a key came up; the rest of it is the key."""


@contextlib.contextmanager
def xvfb() -> Iterator[str]:
    """Xvfb on a free display, for the length of a block; gives its DISPLAY. Raises Missing."""
    program = find("Xvfb")
    read, write = os.pipe()
    # Without -noreset it starts anew whenever its last client leaves, and turns away who comes just then.
    arguments = ["-displayfd", str(write), "-screen", "0", _SCREEN, "-nolisten", "tcp", "-noreset"]
    with started([program, *arguments], pass_fds=[write]):
        os.close(write)
        with os.fdopen(read) as answer:  # it picks a free number, and writes it when it is ready
            number = answer.readline().strip()
        if not number:
            raise Missing("Xvfb did not start")
        yield f":{number}"


class Keys:
    """Presses keys in an X server through its XTEST extension. A context manager.

    With each press goes, right before it, a request that the server answers with its clock (Present's UST, which is
    the system's monotonic one). Raises Missing where the server lacks an extension.

    Args:
        display: ':7', of a local server that asks for no key.
    """

    def __init__(self, display: str):
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(_START_S)
        self._rest = b""
        self.taken_up = array.array("q")
        """For each press in its order, when the server took it up, monotonic ns; filled by `collect`."""
        self._up_since: dict[int, int] = {}  # monotonic ns; 0 while the server has not said
        try:
            self._socket.connect(f"/tmp/.X11-unix/X{display.removeprefix(':')}")
            self._greet()
            self._xtest = self._extension("XTEST")
            self._present = self._extension("Present")
            self._send(struct.pack("<BBHII", self._present, 0, 3, 1, 2))  # which version: it wants to be asked
            self._answer()
            event_id = self._first_id
            self._send(
                struct.pack("<BBHIII", self._present, _SELECT_INPUT, 4, event_id, self._root, _COMPLETE_NOTIFY_MASK)
            )
        except (OSError, struct.error) as error:
            self._socket.close()
            raise Missing(f"no word with the X server ({error})") from error

    def __enter__(self) -> Keys:
        return self

    def __exit__(self, *_error: object) -> None:
        self._socket.close()

    def press(self, key: int) -> int:
        """A key goes down. Gives the moment before the server was asked, monotonic ns."""
        serial = len(self.taken_up)
        self.taken_up.append(0)
        data = self._what_time(serial) + self._fake(_EVENT_KEY_DOWN, key)
        now = time.monotonic_ns()
        self._socket.sendall(data)
        return now

    def release(self, key: int) -> None:
        """A key comes up."""
        self._up_since[key] = 0
        self._socket.sendall(self._fake(_EVENT_KEY_UP, key) + self._what_time(_UP | key))

    def up_since(self, key: int) -> float:
        """Since when a key has been up for the server, which may have been busy: monotonic s. Waits for its answer;
        raises Missing."""
        while not (since := self._up_since.get(key, 1)):
            try:
                data = self._socket.recv(1 << 16)
            except OSError as error:
                raise Missing(f"the X server does not say when a key came up ({error})") from error
            if not data:
                raise Missing("the X server hung up")
            self._read(data)
        return since / 1e9

    def collect(self) -> None:
        """Take the answers that have come, without waiting."""
        self._socket.setblocking(False)
        try:
            while data := self._socket.recv(1 << 16):
                self._read(data)
        except BlockingIOError:
            pass
        finally:
            self._socket.settimeout(_START_S)

    def collect_all(self) -> None:
        """Wait for the last answer."""
        by = time.monotonic() + _START_S
        while 0 in self.taken_up:
            if time.monotonic() > by:
                raise Missing("the X server does not say when it took up a key")
            self.collect()
            time.sleep(0.01)

    def _greet(self) -> None:
        self._send(struct.pack("<BxHHHHxx", ord("l"), 11, 0, 0, 0))
        status, _, _, words = struct.unpack("<BxHHH", self._exactly(8))
        body = self._exactly(4 * words)
        if status != 1:
            raise OSError("it wants a key")
        self._first_id = struct.unpack_from("<I", body, 4)[0]
        vendor_bytes, formats = struct.unpack_from("<H", body, 16)[0], body[21]
        self._root = struct.unpack_from("<I", body, 32 + _padded(vendor_bytes) + 8 * formats)[0]

    def _extension(self, name: str) -> int:
        data = name.encode()
        words = 2 + _padded(len(data)) // 4
        self._send(struct.pack("<BxHHxx", _QUERY_EXTENSION, words, len(data)) + data.ljust(_padded(len(data)), b"\0"))
        answer = self._answer()
        if not answer[8]:
            raise Missing(f"the X server has no {name} extension")
        return answer[9]

    def _what_time(self, serial: int) -> bytes:
        return struct.pack("<BBHII4xQQQ", self._present, _NOTIFY_MSC, 10, self._root, serial, 0, 0, 0)

    def _fake(self, kind: int, key: int) -> bytes:
        return struct.pack("<BBHBBxxII8xHH7xB", self._xtest, _FAKE_INPUT, 9, kind, key, 0, self._root, 0, 0, 0)

    def _send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def _answer(self) -> bytes:
        """The reply to what was asked just now, past events."""
        while True:
            data = self._exactly(32)
            if data[0] == _ERROR:
                raise OSError(f"error {data[1]}")
            if data[0] in (_REPLY, _GENERIC_EVENT):
                data += self._exactly(4 * struct.unpack_from("<I", data, 4)[0])
            if data[0] == _REPLY:
                return data

    def _exactly(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            more = self._socket.recv(size - len(data))
            if not more:
                raise OSError("it hung up")
            data += more
        return data

    def _read(self, data: bytes) -> None:
        data = self._rest + data
        at = 0
        while len(data) - at >= 32:
            kind = data[at]
            size = 32 + (4 * struct.unpack_from("<I", data, at + 4)[0] if kind in (_REPLY, _GENERIC_EVENT) else 0)
            if len(data) - at < size:
                break
            if kind == _GENERIC_EVENT and struct.unpack_from("<H", data, at + 8)[0] == _COMPLETE_NOTIFY:
                serial, microseconds = struct.unpack_from("<IQ", data, at + 20)
                if serial & _UP:
                    self._up_since[serial & ~_UP] = 1000 * microseconds
                else:
                    self.taken_up[serial] = 1000 * microseconds
            at += size
        self._rest = data[at:]


def _padded(size: int) -> int:
    return -(-size // 4) * 4
