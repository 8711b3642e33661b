"""MIDI ports by name, through python-rtmidi: which there are, and opening the right one.

python-rtmidi numbers ports by their place in a list that changes when anything is plugged in or out, and says nothing
when a port that is open goes away: what is sent to it then is lost without an error. So a port is opened by its
name and looked at again once it is open, and `pianogenie.port_watcher` keeps an eye on the list.
"""

import ctypes
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass

import rtmidi

from pianogenie.errors import UserError
from pianogenie.stderr import silent_stderr

CLIENT_NAME = "Pianogenie"

Client = rtmidi.MidiIn | rtmidi.MidiOut
ERRORS = (rtmidi.RtMidiError, SystemError, ValueError, OSError)
"""What python-rtmidi raises when a backend does not answer, a port is not there or a device is busy."""

OWN = -1
"""In a list's place, the index of a port that we have opened for others to find."""

_TRIES = 3
_NUMBERS = re.compile(r"\s*(\[\d+\]|\b\d+:\d+$)")
"""What a device gets anew whenever it is plugged in: ALSA's '24:0' at the end, a2jmidid's '[24]'."""


@dataclass(frozen=True)
class Port:
    """A MIDI port that is there now. `api` is python-rtmidi's number of the backend that sees it."""

    api: int
    index: int
    name: str

    @property
    def api_name(self) -> str:
        """The backend's name for people: 'ALSA', 'Jack', 'CoreMIDI', 'Windows MM'."""
        return rtmidi.get_api_display_name(self.api)

    @property
    def is_own(self) -> bool:
        """Whether it is one of ours, which others read from, rather than one of theirs."""
        return self.index == OWN

    @property
    def title(self) -> str:
        """What people are told that it is called."""
        return f"{self.name} (virtual)" if self.is_own else self.name

    @property
    def label(self) -> str:
        """Its name and its backend's: what tells it from a port of the same name on another backend."""
        return f"{self.name} ({self.api_name})"

    @property
    def lasting_name(self) -> str:
        """Its name without what it gets anew whenever it is plugged in."""
        return _NUMBERS.sub("", self.name)

    def is_again(self, other: "Port") -> bool:
        """Whether this may be `other`, plugged in anew."""
        return self.api == other.api and self.lasting_name == other.lasting_name


def list_ports(inputs: bool = False) -> list[Port]:
    """The MIDI outputs (or inputs) that can be opened now, over every backend that answers."""
    ports = []
    for api, client in clients(inputs):
        ports += ports_of(api, client)
        client.delete()
    return ports


def find_port(name: str, inputs: bool = False) -> Port:
    """The MIDI output (or input) with this name, or with this in its name (in any case).

    `name` may end in the backend's name, '(JACK)', for where two backends have a port of one name.

    Raises UserError: none matches (the message lists what is there), or several do (it lists them).
    """
    kind = "input" if inputs else "output"
    ports = list_ports(inputs)
    matches = matching(ports, name)
    if len(matches) == 1:
        return matches[0]
    if matches:
        raise UserError(f"{name}: several MIDI {kind}s match, say more of the name: {_names(matches)}")
    raise UserError(f"{name}: no such MIDI {kind}; there are: {_names(ports) or 'none'}")


def open_port(wanted: str | Port, inputs: bool = False, own_name: str | None = None) -> tuple[Client, Port]:
    """Open the port that `find_port` finds, or one that was found before.

    `own_name` is what others see of us, 'out' or 'in' unless given. Delete the client when done with it.
    Raises UserError: it is not there, or cannot be opened.
    """
    kind = "input" if inputs else "output"
    for _ in range(_TRIES):
        port = find_port(wanted, inputs) if isinstance(wanted, str) else wanted
        client = None
        try:
            client = (rtmidi.MidiIn if inputs else rtmidi.MidiOut)(port.api, name=CLIENT_NAME)
            # Something may be plugged in or out at any moment: the list must say the same before and after.
            here = next((p for p in ports_of(port.api, client) if p.name == port.name), None)
            if here is not None:
                client.open_port(here.index, name=own_name or kind.removesuffix("put"))
                if here in ports_of(port.api, client):
                    return client, here
        except ERRORS as error:
            if client is not None:
                client.delete()
            raise UserError(f"{port.name}: the MIDI {kind} cannot be opened ({error})") from error
        client.delete()
    raise UserError(f"{port.name}: the MIDI {kind} went away while it was being opened")


def clients(inputs: bool = False) -> Iterator[tuple[int, Client]]:
    """A client of each backend that was compiled in and answers here. Whoever takes one deletes it."""
    for api in apis():
        if (client := client_of(api, inputs)) is not None:
            yield api, client


def apis() -> list[int]:
    """python-rtmidi's numbers of the backends that were compiled in."""
    return [api for api in rtmidi.get_compiled_api() if api != rtmidi.API_RTMIDI_DUMMY]


def abandon(client: Client) -> None:
    """Never delete a client: its server is dead, and python-rtmidi would stop everything to wait for it, for a second.

    The system closes it when the process ends.
    """
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(client))


def client_of(api: int, inputs: bool, name: str = CLIENT_NAME) -> Client | None:
    """A client of a backend, or None where it does not answer. Whoever takes it deletes it."""
    # libjack would otherwise start a server of its own when none runs.
    os.environ.setdefault("JACK_NO_START_SERVER", "1")
    try:
        with silent_stderr():  # ALSA's and JACK's libraries complain there when they are not running
            return (rtmidi.MidiIn if inputs else rtmidi.MidiOut)(api, name=name)
    except ERRORS:
        return None


def ports_of(api: int, client: Client) -> list[Port]:
    """A backend's ports. Where two bear the same name, the second is called 'name #2'."""
    ports: list[Port] = []
    seen: dict[str, int] = {}
    for index, name in enumerate(client.get_ports()):
        seen[name] = seen.get(name, 0) + 1
        ports.append(Port(api, index, name if seen[name] == 1 else f"{name} #{seen[name]}"))
    return ports


def matching(ports: list[Port], name: str) -> list[Port]:
    """Those among `ports` that a person may mean by `name` (see `find_port`). Our own, and another genie's, is meant by
    nobody who does not say so: "piano" is the piano."""
    exact = [p for p in ports if name in (p.name, p.label)]
    if exact:
        return exact
    part = name.lower()
    for suffix in {f"({p.api_name.lower()})" for p in ports}:
        if part.endswith(suffix):
            ports = [p for p in ports if f"({p.api_name.lower()})" == suffix]
            part = part.removesuffix(suffix).rstrip()
            same = [p for p in ports if p.name.lower() == part]
            if same:
                return same
            break
    ours = CLIENT_NAME.lower()
    return [p for p in ports if part in p.name.lower() and (ours in part or not p.name.lower().startswith(ours))]


def _names(ports: list[Port]) -> str:
    return ", ".join(f"“{p.name}” ({p.api_name})" for p in ports)
