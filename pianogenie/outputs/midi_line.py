"""A MIDI client that is open, and what python-rtmidi does not tell of it: whether what was sent has gone out."""

import contextlib
import sys
import time
from collections.abc import Sequence

import rtmidi

from pianogenie import libjack
from pianogenie.errors import UserError
from pianogenie.link import Link
from pianogenie.midi_ports import ERRORS, OWN, Client, Port, apis, client_of, open_port
from pianogenie.port_watcher import EVERY_S

_FLUSH_S = 0.05  # the backends hand bytes on in their own time, JACK once a period: 46 ms if it is 2048 frames
_LATE_S = 1024 / 48_000  # jackd's own period, where it cannot be asked
_ROUNDS = 4  # of JACK's: the first may have begun before the last bytes came, a reader may be one or two behind
_STALLED_S = 7.0
"""How long a JACK server may stand still: it waits for 5 s itself for a program that left without a word."""
_HEADER_BYTES = 4  # before each message that python-rtmidi keeps for libjack
_LOOKS_EVERY_BYTES = 6000  # it keeps 16 KiB: before the third look, so it is seen in time that nobody takes them


class MidiLine:
    """To one port. `client`, open, is the line's from now on, with what links it to its server."""

    def __init__(self, client: Client, link: Link | None = None, api: int | None = None):
        self._client = client
        self._link = link or Link()
        self._api = api
        self._unread, self._beats = 0, self._link.heartbeat.count()
        self._seen, self._seen_times = self._beats, 0
        self.write = client.send_message if self._beats is None else self._write_if_it_is_read
        """Sends the bytes of a message. May raise one of ERRORS, or lose them without a word."""

    @classmethod
    def open(cls, wanted: str | Port) -> tuple["MidiLine", Port]:
        """Open the port that `find_port` finds, or one that was found before, or was our own. Raises UserError, as
        `open_port` does."""
        if isinstance(wanted, Port) and wanted.is_own:
            return cls.open_virtual(wanted.name, [wanted.api])
        link = Link()
        with link.opened():
            client, port = open_port(wanted)
        return cls(client, link, port.api), port

    @classmethod
    def open_virtual(cls, name: str, on: Sequence[int] = ()) -> tuple["MidiLine", Port]:
        """Open a port of our own that other programs can read from, by the first backend that can: any, or those that
        are given. Raises UserError where none can."""
        for api in on or apis():
            link, client = Link(), None
            with contextlib.suppress(*ERRORS, NotImplementedError, TypeError):
                with link.opened():
                    client = client_of(api, inputs=False)
                    if client is not None:
                        client.open_virtual_port(name)
                if client is not None:
                    return cls(client, link, api), Port(api, OWN, name)
            if client is not None:
                client.delete()
        way_out = "install loopMIDI and use --midi-out" if sys.platform == "win32" else "is ALSA or JACK running?"
        raise UserError(f"{name}: no virtual MIDI port can be opened on this system; {way_out}")

    def late_s(self) -> float:
        """How late a message may go out, when another went out at once: JACK hands on once a period. Takes a moment."""
        if self._api != rtmidi.API_UNIX_JACK:
            return 0.0
        return libjack.period_s() or _LATE_S

    def has_gone_out(self) -> bool:
        """Wait until what was sent so far has gone out. False if it has not, after seconds, or never will."""
        time.sleep(_FLUSH_S)
        return self._link.heartbeat.wait(_ROUNDS, _STALLED_S, unless=self._link.is_cut)

    def is_stuck(self) -> bool:
        """Whether its server has stood still for too long. To be asked every `EVERY_S`.

        Looks are counted, not seconds: we may have been suspended ourselves.
        """
        before, self._seen = self._seen, self._link.heartbeat.count()
        self._seen_times = self._seen_times + 1 if self._seen == before else 0
        return self._seen is not None and self._seen_times * EVERY_S > _STALLED_S

    def close(self) -> None:
        """Close the port. What has not gone out by now may be lost."""
        self._link.end(self._client)

    def _write_if_it_is_read(self, message: Sequence[int]) -> None:
        """As `client.send_message`, which would wait for ever, and everything with it, if nobody took what it keeps."""
        self._unread += len(message) + _HEADER_BYTES
        if self._unread > _LOOKS_EVERY_BYTES:
            before, self._beats = self._beats, self._link.heartbeat.count()
            if before is not None and self._beats == before:
                raise OSError("the JACK server stands still")
            self._unread = 0
        self._client.send_message(message)
