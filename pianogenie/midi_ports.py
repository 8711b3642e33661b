"""MIDI ports by name, through python-rtmidi: which there are, opening the right one, hearing when one goes.

python-rtmidi numbers ports by their place in a list that changes when anything is plugged in or out, and says nothing
when a port that is open goes away: what is sent to it then is lost without an error. So a port is opened by its
name and looked at again once it is open, and `PortWatcher` keeps an eye on the list.
"""

import ctypes
import os
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import rtmidi

from pianogenie.errors import UserError
from pianogenie.lifelines import Lifelines
from pianogenie.stderr import silent_stderr

CLIENT_NAME = "Pianogenie"

Client = rtmidi.MidiIn | rtmidi.MidiOut
ERRORS = (rtmidi.RtMidiError, SystemError, ValueError, OSError)
"""What python-rtmidi raises when a backend does not answer, a port is not there or a device is busy."""

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
        ports += _ports_of(api, client)
        client.delete()
    return ports


def find_port(name: str, inputs: bool = False) -> Port:
    """The MIDI output (or input) with this name, or with this in its name (in any case).

    `name` may end in the backend's name, '(JACK)', for where two backends have a port of one name.

    Raises UserError: none matches (the message lists what is there), or several do (it lists them).
    """
    kind = "input" if inputs else "output"
    ports = list_ports(inputs)
    matches = _matching(ports, name)
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
            here = next((p for p in _ports_of(port.api, client) if p.name == port.name), None)
            if here is not None:
                client.open_port(here.index, name=own_name or kind.removesuffix("put"))
                if here in _ports_of(port.api, client):
                    return client, here
        except ERRORS as error:
            if client is not None:
                client.delete()
            raise UserError(f"{port.name}: the MIDI {kind} cannot be opened ({error})") from error
        client.delete()
    raise UserError(f"{port.name}: the MIDI {kind} went away while it was being opened")


def clients(inputs: bool = False) -> Iterator[tuple[int, Client]]:
    """A client of each backend that was compiled in and answers here. Whoever takes one deletes it."""
    for api in _apis():
        if (client := _client(api, inputs)) is not None:
            yield api, client


def _apis() -> list[int]:
    return [api for api in rtmidi.get_compiled_api() if api != rtmidi.API_RTMIDI_DUMMY]


class Watched:
    """A port that a `PortWatcher` looks after; or waits for, by a part of its name, as long as `port` is None."""

    def __init__(
        self,
        name: str,
        port: Port | None,
        inputs: bool,
        gone: Callable[[], None],
        back: Callable[[Port], bool],
        wake: threading.Event,
    ):
        self.name = name
        self.port = port
        self.inputs = inputs
        self.gone = gone
        self.back = back
        self.here = port is not None
        self.broken = False
        self._wake = wake

    def broke(self) -> None:
        """It could not be written to, listed or not: it shall be taken as gone, and back when it opens again.

        Safe on the hot path: two flags are set.
        """
        self.broken = True
        self._wake.set()


class PortWatcher:
    """Looks at the list of ports twice a second, on a thread of its own, and says what went and what came back.

    A device is noticed within a second; one that is out and in again within half a second may be missed.
    The thread starts with the first port that is watched. A context manager; or call `close`.

    Args:
        announce: takes a line for the person, from this thread.
        every_s: seconds between two looks.
    """

    def __init__(self, announce: Callable[[str], None] = lambda line: None, every_s: float = 0.5):
        self._announce = announce
        self._every_s = every_s
        self._watched: list[Watched] = []
        self._listers: dict[tuple[int, bool], _Lister] = {}
        self._wake = threading.Event()
        self._looking = threading.Lock()
        self._closed = False
        self._thread: threading.Thread | None = None

    def watch(
        self, port: Port, gone: Callable[[], None], back: Callable[[Port], bool], inputs: bool = False
    ) -> Watched:
        """Call `gone` when this port is no longer listed, and `back` with what it is now when it is again.

        Both are called on the watcher's thread. `back` opens it and answers whether that went well; if not
        (or if it raises UserError), it is asked again at the next look.
        """
        return self._add(Watched(port.name, port, inputs, gone, back, self._wake))

    def wait_for(
        self, name: str, gone: Callable[[], None], back: Callable[[Port], bool], inputs: bool = False
    ) -> Watched:
        """As `watch`, for a port that is not there yet: the first that `find_port` would find is taken."""
        return self._add(Watched(name, None, inputs, gone, back, self._wake))

    def _add(self, watched: Watched) -> Watched:
        # Clients that list are made before anything plays: making one stops the interpreter for as long as it takes.
        with self._looking:
            for api in _apis() if watched.port is None else [watched.port.api]:
                self._list(api, watched.inputs)
        self._watched.append(watched)
        if self._thread is None and self._every_s > 0:
            self._thread = threading.Thread(target=self._run, name="port watcher", daemon=True)
            self._thread.start()
        return watched

    def look(self) -> None:
        """One look at the list."""
        with self._looking:
            self._look()

    def _look(self) -> None:
        for watched in list(self._watched):
            found = self._find(watched)
            if watched.here and (found is None or watched.broken):
                watched.here = watched.broken = False
                watched.gone()
                self._announce(f"lost {watched.name}; it is taken back when it returns")
            elif not watched.here and found is not None and _taken_back(watched, found):
                self._announce(f"{found.name} is {'there' if watched.port is None else 'back'}")
                watched.here, watched.port, watched.name = True, found, found.name

    def _find(self, watched: Watched) -> Port | None:
        port = watched.port
        if port is None:
            listed = [p for api in _apis() for p in self._list(api, watched.inputs)]
            alike = _matching(listed, watched.name)
        else:
            listed = self._list(port.api, watched.inputs)
            same = next((p for p in listed if p.name == port.name), None)
            if same is not None or watched.here:
                return same
            alike = [p for p in listed if p.is_again(port)]  # it may bear another number now
        return alike[0] if len(alike) == 1 else None  # if two could be it, neither is taken for it

    def close(self) -> None:
        """Look no more."""
        self._closed = True
        self._wake.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()
        for lister in self._listers.values():
            lister.close()
        self._listers.clear()

    def __enter__(self) -> "PortWatcher":
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def _run(self) -> None:
        while not self._closed:
            self._wake.wait(self._every_s)
            self._wake.clear()
            if not self._closed:
                self.look()

    def _list(self, api: int, inputs: bool) -> list[Port]:
        """The ports of one backend.

        Its client is kept: for a new one each time, JACK would rearrange its graph, and nothing plays meanwhile, as
        python-rtmidi keeps the interpreter to itself. A new one is made when its server has ended.
        """
        lister = self._listers.get((api, inputs))
        if lister is None or lister.is_dead():
            if lister is not None:
                lister.close()
            lister = self._listers[api, inputs] = _Lister(api, inputs)
        return lister.list()


class _Lister:
    """A client of one backend that only lists."""

    def __init__(self, api: int, inputs: bool):
        self._api = api
        self._failed = False
        self._lifelines = Lifelines()
        with self._lifelines.opened():
            self._client = _client(api, inputs)

    def is_dead(self) -> bool:
        """Whether there is no server, or it has ended."""
        return self._client is None or self._failed or self._lifelines.are_cut()

    def list(self) -> list[Port]:
        """The ports; none if the backend does not answer (any more)."""
        if self.is_dead():
            return []
        try:
            ports = _ports_of(self._api, self._client)
        except ERRORS:
            ports = []
        # Where a cut line cannot be seen, an empty list is all that a JACK server leaves behind.
        self._failed = not ports and self._api == rtmidi.API_UNIX_JACK and not self._lifelines
        return ports

    def close(self) -> None:
        """Delete the client, unless its server has ended: libjack may crash over closing what has gone."""
        dead = self.is_dead()
        self._lifelines.close()
        if self._client is not None:
            abandon(self._client) if dead else self._client.delete()


def _taken_back(watched: Watched, port: Port) -> bool:
    try:
        return watched.back(port)
    except UserError:  # listed, but busy or not ready yet
        return False


def abandon(client: Client) -> None:
    """Never delete a client: its server is dead, and python-rtmidi would stop everything to wait for it, for a second.

    The system closes it when the process ends.
    """
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(client))


def _client(api: int, inputs: bool) -> Client | None:
    # libjack would otherwise start a server of its own when none runs.
    os.environ.setdefault("JACK_NO_START_SERVER", "1")
    try:
        with silent_stderr():  # ALSA's and JACK's libraries complain there when they are not running
            return (rtmidi.MidiIn if inputs else rtmidi.MidiOut)(api, name=CLIENT_NAME)
    except ERRORS:
        return None


def _ports_of(api: int, client: Client) -> list[Port]:
    """A backend's ports. Where two bear the same name, the second is called 'name #2'."""
    ports: list[Port] = []
    seen: dict[str, int] = {}
    for index, name in enumerate(client.get_ports()):
        seen[name] = seen.get(name, 0) + 1
        ports.append(Port(api, index, name if seen[name] == 1 else f"{name} #{seen[name]}"))
    return ports


def _matching(ports: list[Port], name: str) -> list[Port]:
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
    return [p for p in ports if part in p.name.lower()]


def _names(ports: list[Port]) -> str:
    return ", ".join(f"“{p.name}” ({p.api_name})" for p in ports)
