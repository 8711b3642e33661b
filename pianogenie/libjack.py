"""libjack itself, through ctypes, for what python-rtmidi does not tell of a JACK server."""

import contextlib
import ctypes
import ctypes.util

NO_START_SERVER = 1
"""An option of `jack_client_open`: a server that does not run is left alone."""


def load() -> ctypes.CDLL:
    """The library, with what a client needs. Raises OSError where there is none."""
    jack = ctypes.CDLL(ctypes.util.find_library("jack") or "libjack.so.0")
    jack.jack_client_open.argtypes = [ctypes.c_char_p, ctypes.c_int, ctypes.c_void_p]
    jack.jack_client_open.restype = ctypes.c_void_p
    for name in ("jack_client_close", "jack_get_buffer_size", "jack_get_sample_rate"):
        getattr(jack, name).argtypes = [ctypes.c_void_p]
    for name in ("jack_get_buffer_size", "jack_get_sample_rate"):
        getattr(jack, name).restype = ctypes.c_uint32
    return jack


def period_s() -> float | None:
    """How long a period of the server that runs is, in seconds: as coarse as the times are at which it hands MIDI on.

    None where there is no server, or no library to ask it with.
    """
    with contextlib.suppress(OSError, AttributeError):
        jack = load()
        client = jack.jack_client_open(b"Pianogenie asks", NO_START_SERVER, None)
        if client:
            frames, rate = jack.jack_get_buffer_size(client), jack.jack_get_sample_rate(client)
            jack.jack_client_close(client)
            return frames / rate if rate else None
    return None
