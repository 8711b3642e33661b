"""A JACK server of our own, and libjack as far as a MIDI device made of software needs it.

Through ctypes: python-rtmidi does not let one in on the moment at which JACK hands a note over, and another dependency
would be installed by everyone who plays, for a measurement alone.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from pianogenie import libjack
from pianogenie.bench.programs import find, started

RATE_HZ, PERIOD = 48000, 64
_PRIORITY = 10

_MIDI = b"8 bit raw midi"
_IS_INPUT, _IS_OUTPUT = 1, 2

_Process = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_uint32, ctypes.c_void_p)


class _Event(ctypes.Structure):
    _fields_ = (("time", ctypes.c_uint32), ("size", ctypes.c_size_t), ("buffer", ctypes.POINTER(ctypes.c_uint8)))


@contextlib.contextmanager
def jackd(environment: dict[str, str], says: Path) -> Iterator[dict[str, str]]:
    """A JACK server without a sound card, for the length of a block; gives the environment that finds it.

    It may not answer yet; what it says is written to the file `says`. Raises Missing.
    """
    name = f"pianogenie-bench-{os.getpid()}"
    ours = {"JACK_DEFAULT_SERVER": name, "JACK_NO_START_SERVER": "1", "JACK_NO_AUDIO_RESERVATION": "1"}
    # Synchronous: it waits for a client that is late on a busy machine, where it would else lose its notes. And in real
    # time, as is its custom, before the instrument's threads; where the system refuses that it goes on without.
    how = ["-S", "-n", name, "-R", "-P", str(_PRIORITY), "-d", "dummy", "-r", str(RATE_HZ), "-p", str(PERIOD)]
    with says.open("wb") as file, started([find("jackd"), *how], env=environment | ours, stdout=file, stderr=file):
        yield environment | ours


class JackDevice:
    """A MIDI device with a port `in` and a port `out`. Raises OSError where there is no server, or no libjack.

    Args:
        name: of the client.
        hear: takes each message that comes in, as bytes, on JACK's thread.
        say: is called once a period, on JACK's thread, with a function that sends a message.
    """

    def __init__(self, name: str, hear: Callable[[bytes], None], say: Callable[[Callable[[bytes], None]], None]):
        self._jack = _libjack()
        self._hear, self._say = hear, say
        self._client = self._jack.jack_client_open(name.encode(), libjack.NO_START_SERVER, None)
        if not self._client:
            raise OSError("there is no JACK server")
        register = self._jack.jack_port_register
        self._in = register(self._client, b"in", _MIDI, _IS_INPUT, 0)
        self._out = register(self._client, b"out", _MIDI, _IS_OUTPUT, 0)
        self._callback = _Process(self._period)
        self._jack.jack_set_process_callback(self._client, self._callback, None)
        if self._jack.jack_activate(self._client):
            raise OSError("JACK does not take another client")

    def close(self) -> None:
        """Leave the server."""
        self._jack.jack_client_close(self._client)

    def _period(self, frames: int, _data: object) -> int:
        jack = self._jack
        heard = jack.jack_port_get_buffer(self._in, frames)
        event = _Event()
        for index in range(jack.jack_midi_get_event_count(heard)):
            jack.jack_midi_event_get(ctypes.byref(event), heard, index)
            self._hear(ctypes.string_at(event.buffer, event.size))
        said = jack.jack_port_get_buffer(self._out, frames)
        jack.jack_midi_clear_buffer(said)
        self._say(lambda message: jack.jack_midi_event_write(said, 0, message, len(message)))
        return 0


def _libjack() -> ctypes.CDLL:
    jack = libjack.load()
    pointer, number = ctypes.c_void_p, ctypes.c_uint32
    jack.jack_port_register.argtypes = [pointer, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_ulong, ctypes.c_ulong]
    jack.jack_port_get_buffer.argtypes = [pointer, number]
    for name in ("jack_port_register", "jack_port_get_buffer"):
        getattr(jack, name).restype = pointer
    jack.jack_set_process_callback.argtypes = [pointer, _Process, pointer]
    jack.jack_activate.argtypes = [pointer]
    jack.jack_midi_get_event_count.argtypes = jack.jack_midi_clear_buffer.argtypes = [pointer]
    jack.jack_midi_get_event_count.restype = number
    jack.jack_midi_event_get.argtypes = [pointer, pointer, number]
    jack.jack_midi_event_write.argtypes = [pointer, number, ctypes.c_char_p, ctypes.c_size_t]
    return jack
