"""Open Sound Control, as far as both directions share it: addresses of places, and packets taken apart.

docs/osc.md lists what may be said to the instrument and what it says.
"""

import re
import socket
import struct
from collections.abc import Iterator
from typing import Any

from pythonosc.osc_message import OscMessage, ParseError

from pianogenie.errors import UserError

LOOPBACK = "127.0.0.1"
Place = tuple[str, int]

_BUNDLE = b"#bundle\0"
_BUNDLE_HEAD = 16  # the word and a time tag
# What messages to us are made of: an address and numbers, truths or texts. Of other types python-osc would complain to
# the log, once a packet.
_OURS = re.compile(rb"/[^\0]{0,200}\0{1,4}(?:,[ihfdsTFN]{0,16}\0|$)")


def parse_place(text: str, host: str | None = None) -> tuple[socket.AddressFamily, Place]:
    """`HOST:PORT` (`[::1]:9000` too), or `PORT` alone where a `host` is given to stand in. Raises UserError."""
    before, colon, port = text.rpartition(":")
    name = before.strip("[]") if colon else host
    if not name:
        raise UserError(f"{text}: HOST:PORT is wanted, such as {LOOPBACK}:9000")
    if not (port.isascii() and port.isdigit() and 1 <= int(port[:6]) <= 65535):
        raise UserError(f"{text}: the port is a number from 1 to 65535, such as {LOOPBACK}:9000")
    try:
        family, _type, _protocol, _name, address = socket.getaddrinfo(name, int(port), type=socket.SOCK_DGRAM)[0]
    except (OSError, UnicodeError) as error:
        raise UserError(f"{text}: no such host ({getattr(error, 'strerror', None) or error})") from error
    return family, address


def messages(packet: bytes) -> Iterator[tuple[str, list[Any]]]:
    """The address and the arguments of each message in a packet, bundles within bundles taken apart in their order.

    Time tags are passed over: everything is meant for now. What is no message, or none that could be for us, is left
    out. python-osc takes messages apart; its bundles would go round for ever on a size below zero.
    """
    waiting = [packet]
    while waiting:
        part = waiting.pop()
        if part.startswith(_BUNDLE):
            waiting += reversed(list(_parts(part)))
        elif _OURS.match(part):
            try:
                message = OscMessage(part)
                yield message.address, message.params
            except (ParseError, ValueError, struct.error, IndexError):
                continue


def _parts(bundle: bytes) -> Iterator[bytes]:
    at = _BUNDLE_HEAD
    while at + 4 <= len(bundle):
        (size,) = struct.unpack_from(">i", bundle, at)
        at += 4
        if not 0 < size <= len(bundle) - at:
            return
        yield bundle[at : at + size]
        at += size
