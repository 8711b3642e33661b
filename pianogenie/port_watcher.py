"""Hearing when a MIDI port goes and when it comes back, which python-rtmidi does not tell: by looking at the list."""

import threading
from collections.abc import Callable

import rtmidi

from pianogenie.errors import UserError
from pianogenie.lifelines import Lifelines
from pianogenie.midi_ports import ERRORS, Port, abandon, apis, client_of, matching, ports_of


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
            for api in apis() if watched.port is None else [watched.port.api]:
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
            listed = [p for api in apis() for p in self._list(api, watched.inputs)]
            alike = matching(listed, watched.name)
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
            self._client = client_of(api, inputs)

    def is_dead(self) -> bool:
        """Whether there is no server, or it has ended."""
        return self._client is None or self._failed or self._lifelines.are_cut()

    def list(self) -> list[Port]:
        """The ports; none if the backend does not answer (any more)."""
        if self.is_dead():
            return []
        try:
            ports = ports_of(self._api, self._client)
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
