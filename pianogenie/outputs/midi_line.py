"""A MIDI client that is open, and what python-rtmidi does not tell of it: whether what was sent has gone out."""

import contextlib
import sys
import time
from collections.abc import Sequence

import rtmidi

from pianogenie import libjack
from pianogenie.errors import UserError
from pianogenie.heartbeat import Heartbeat
from pianogenie.lifelines import Lifelines
from pianogenie.midi_ports import ERRORS, OWN, Port, abandon, apis, client_of, open_port
from pianogenie.urgency import its_threads_hurry

_FLUSH_S = 0.05  # the backends hand bytes on in their own time, JACK once a period: 46 ms if it is 2048 frames
_LATE_S = 1024 / 48_000  # jackd's own period, where it cannot be asked
_ROUNDS = 4  # of JACK's: the first may have begun before the last bytes came, a reader may be one or two behind
_STALLED_S = 7.0
"""How long a JACK server may stand still: it waits for 5 s itself for a program that left without a word."""


class MidiLine:
    """To one port. `client`, open, is the line's from now on."""

    def __init__(
        self,
        client: rtmidi.MidiOut,
        lifelines: Lifelines | None = None,
        heartbeat: Heartbeat | None = None,
        api: int | None = None,
    ):
        self._client = client
        self._lifelines = lifelines or Lifelines()
        self._heartbeat = heartbeat or Heartbeat()
        self._stands_still = False
        self._api = api
        self.write = client.send_message
        """Sends the bytes of a message. May raise one of ERRORS, or lose them without a word."""

    @classmethod
    def open(cls, wanted: str | Port) -> tuple["MidiLine", Port]:
        """Open the port that `find_port` finds, or one that was found before, or was our own. Raises UserError, as
        `open_port` does."""
        if isinstance(wanted, Port) and wanted.is_own:
            return cls.open_virtual(wanted.name, [wanted.api])
        lifelines = Lifelines()
        with lifelines.opened(), its_threads_hurry() as threads:
            client, port = open_port(wanted)
        return cls(client, lifelines, _heartbeat(port.api, threads), port.api), port

    @classmethod
    def open_virtual(cls, name: str, on: Sequence[int] = ()) -> tuple["MidiLine", Port]:
        """Open a port of our own that other programs can read from, by the first backend that can: any, or those that
        are given. Raises UserError where none can."""
        for api in on or apis():
            lifelines, client = Lifelines(), None
            with contextlib.suppress(*ERRORS, NotImplementedError, TypeError):
                with lifelines.opened(), its_threads_hurry() as threads:
                    client = client_of(api, inputs=False)
                    if client is not None:
                        client.open_virtual_port(name)
                if client is not None:
                    return cls(client, lifelines, _heartbeat(api, threads), api), Port(api, OWN, name)
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
        self._stands_still = not self._heartbeat.wait(_ROUNDS, _STALLED_S, unless=self._lifelines.are_cut)
        return not self._stands_still

    def close(self) -> None:
        """Close the port. What has not gone out by now may be lost."""
        if self._stands_still or self._lifelines.are_cut():  # python-rtmidi would wait, and everything with it
            abandon(self._client)
        else:
            with contextlib.suppress(*ERRORS):  # it may have gone just now
                self._client.close_port()
                self._client.delete()
        self._lifelines.close()


def _heartbeat(api: int, threads: set[int]) -> Heartbeat:
    """Other backends have handed on what was sent when the call returns."""
    return Heartbeat(threads if api == rtmidi.API_UNIX_JACK else ())
