"""Open Sound Control in, over UDP: press, release, pedal and more from Max, Pd or TouchOSC (docs/osc.md).

Whatever arrives, nothing raises and nothing sticks: what is not understood is left out.
"""

import contextlib
import math
import socket
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from pianogenie.announcing import Announce
from pianogenie.errors import UserError
from pianogenie.inputs.base import Input
from pianogenie.inputs.hands import Hands
from pianogenie.osc import LOOPBACK, messages, parse_place

PREFIX = "/pianogenie/"

_MAX_PACKET_BYTES = 8192
_LOOK_EVERY_S = 0.25
PING_S = 2.0
"""How long a client that has once sent /pianogenie/ping may be silent before what it holds is let go."""
_MAX_PINGING = 64

Control = Callable[[Any], None]
"""Takes the argument of /pianogenie/set/NAME; raises ValueError or TypeError if it is none."""


class OscInput(Input):
    """Listens on `place` ("[HOST:]PORT", on loopback unless a host is given) on a thread of its own.

    A client is a host: programs that send each packet from another port can release what they pressed.

    Args:
        hands: what it moves.
        place: where it listens.
        controls: what may be set, by name.
        announce: takes a line when a client that pinged has gone silent.

    Raises:
        UserError: there is no such host, or the port is taken.
    """

    def __init__(
        self, hands: Hands, place: str, controls: Mapping[str, Control] = {}, announce: Announce = lambda line: None
    ):
        self._hands = hands
        self._controls = controls
        self._announce = announce
        self._pinged: dict[str, float] = {}  # a host that pings -> when it was heard last
        self._closed = False
        family, address = parse_place(place, LOOPBACK)
        self.name = f"OSC {place}"
        try:
            self._socket = socket.socket(family, socket.SOCK_DGRAM)
            self._socket.bind(address)
        except OSError as error:
            raise UserError(f"{place}: cannot listen for OSC there ({error.strerror})") from error
        self._socket.settimeout(_LOOK_EVERY_S)
        self._thread = threading.Thread(target=self._listen, name=self.name, daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """The UDP port that it listens on."""
        return self._socket.getsockname()[1]

    def close(self) -> None:
        """Listen no more. Returns within a quarter of a second."""
        self._closed = True
        self._thread.join()
        self._socket.close()

    def take(self, packet: bytes, host: str, now: float) -> None:
        """Do what a packet from `host` says, at `now` (s, of any steady clock)."""
        if host in self._pinged:
            self._pinged[host] = now
        for address, arguments in messages(packet):
            if address.startswith(PREFIX):
                # A press that holds no number, a control that gets a text: whoever sent it is to be forgiven.
                with contextlib.suppress(ValueError, TypeError, OverflowError):
                    self._obey(address[len(PREFIX) :], arguments, host, now)

    def look_after(self, now: float) -> None:
        """Let go of what clients hold that have pinged before and were not heard for `PING_S`."""
        for host in [host for host, heard in self._pinged.items() if now - heard > PING_S]:
            del self._pinged[host]
            self._hands.let_go(_device(host))
            self._announce(f"OSC: {host} has gone silent; what it held is let go")

    def _obey(self, word: str, arguments: list[Any], host: str, now: float) -> None:
        device = _device(host)
        if word == "press":
            button = _whole(arguments[0] if arguments else None) - 1
            self._hands.down((device, button), button, _velocity(arguments[1]) if len(arguments) > 1 else None)
        elif word == "release":
            self._hands.up((device, _whole(arguments[0] if arguments else None) - 1))
        elif word.startswith("button/"):
            button = int(word[len("button/") :][:4]) - 1
            amount = _number(arguments[0] if arguments else None)
            if amount > 0:
                # A button on a touch screen says 1 for down: that is no velocity.
                self._hands.down((device, button), button, None if amount == 1 else _velocity(arguments[0]))
            else:
                self._hands.up((device, button))
        elif word == "pedal":
            self._hands.pedal((device, "pedal"), _seven_bits(arguments[0] if arguments else None))
        elif word == "release_all":
            self._hands.let_go(device)
        elif word == "panic":
            self._hands.panic()
        elif word == "ping":
            if len(self._pinged) < _MAX_PINGING:
                self._pinged[host] = now
        elif word.startswith("set/") and (control := self._controls.get(word[len("set/") :])) and arguments:
            control(arguments[0])

    def _listen(self) -> None:
        while not self._closed:
            try:
                packet, address = self._socket.recvfrom(_MAX_PACKET_BYTES)
            except TimeoutError:
                packet = b""
            except OSError:  # Windows tells here that an earlier packet of somebody's was refused
                continue
            now = time.monotonic()
            if packet:
                self.take(packet, address[0], now)
            if self._pinged:
                self.look_after(now)


def temperature_control(genie: Any) -> Control:
    """/pianogenie/set/temperature: 0 to 1, what is beyond is taken as the end."""

    def control(argument: Any) -> None:
        genie.temperature = min(max(_number(argument), 0.0), 1.0)

    return control


def _device(host: str) -> str:
    return f"OSC {host}"


def _number(argument: Any) -> float:
    """A finite number or a truth. Raises ValueError or TypeError."""
    if not isinstance(argument, (bool, int, float)) or not math.isfinite(argument):
        raise ValueError
    return float(argument)


def _whole(argument: Any) -> int:
    return round(_number(argument))


def _seven_bits(argument: Any) -> int:
    """0..127: as it is, or from 0..1 where it is a fraction, as faders send it."""
    number = _number(argument)
    if isinstance(argument, (bool, float)) and number <= 1:
        number *= 127
    return min(max(round(number), 0), 127)


def _velocity(argument: Any) -> int | None:
    """1..127, or None where it is not given or 0."""
    return _seven_bits(argument) or None
