"""Hearing when a MIDI port goes and when it comes back, which python-rtmidi does not tell: by looking at the list."""

import threading
import time
from collections.abc import Callable

import rtmidi

from pianogenie.errors import UserError
from pianogenie.link import Link
from pianogenie.midi_ports import CLIENT_NAME, ERRORS, Port, abandon, apis, client_of, matching, ports_of

EVERY_S = 0.1
"""Between two looks. No device on USB is out and in again sooner: Linux waits for as long until its contacts are still
(drivers/usb/core/hub.c)."""
_LISTERS_NAME = f"{CLIENT_NAME} looks"  # so that our own ports keep the plain one
_LOOKS_OFF = 5  # after what takes long and has failed

_Key = tuple[int, bool]


def _nothing() -> None:
    """Of a port that is nothing but there or not."""


class Watched:
    """A port that a `PortWatcher` looks after; or waits for, by a part of its name, as long as `port` is None."""

    def __init__(
        self,
        name: str,
        port: Port | None,
        inputs: bool,
        gone: Callable[[], None],
        back: Callable[[Port], bool],
        while_here: Callable[[], None],
        watcher: "PortWatcher",
    ):
        self.name = name
        self.port = port
        self.inputs = inputs
        self.gone = gone
        self.back = back
        self.while_here = while_here
        self.here = port is not None
        self.broken = False
        self.refused: Port | None = None  # what it could have been, were it not somebody else's
        self.again_at = 0.0  # when opening it may be tried again
        self._watcher = watcher

    def broke(self) -> None:
        """It could not be written to, listed or not: it shall be taken as gone, and back when it opens again.

        Safe on the hot path: two flags are set.
        """
        self.broken = True
        self._watcher.wake()


class PortWatcher:
    """Looks at the list of ports, on a thread of its own, and says what went and what came back.

    What is out and in again between two looks is missed. No two that it looks after are ever the same port.
    The thread starts with the first port that is watched. A context manager; or call `close`.

    Args:
        announce: takes a line for the person, from this thread.
        every_s: seconds between two looks; five times that until what could not be opened, or did not answer, is asked
            again. 0: it looks when it is told to.
    """

    def __init__(self, announce: Callable[[str], None] = lambda line: None, every_s: float = EVERY_S):
        self._announce = announce
        self._every_s, self._again_s = every_s, _LOOKS_OFF * every_s
        self._watched: list[Watched] = []
        self._listers: dict[_Key, _Lister] = {}
        self._again_at: dict[_Key, float] = {}  # of backends that did not answer
        self._wake = threading.Event()
        self._looking = threading.Lock()
        self._closed = False
        self._thread: threading.Thread | None = None

    def watch(
        self,
        wanted: Port | str,
        gone: Callable[[], None],
        back: Callable[[Port], bool],
        inputs: bool = False,
        while_here: Callable[[], None] = _nothing,
    ) -> Watched:
        """Call `gone` when this port is no longer listed, and `back` with what it is now when it is again.

        `wanted` may be (a part of) the name of one that is not there yet: the first that `find_port` would find is
        taken. All are called on the watcher's thread, and so is `while_here`, at every look. `back` opens the port and
        answers whether that went well; if not (or if it raises UserError), it is asked again a few looks later. A port
        of our own (`Port.is_own`) goes with its server, and may be opened again where there is one.
        """
        name, port = (wanted, None) if isinstance(wanted, str) else (wanted.title, wanted)
        return self._add(Watched(name, port, inputs, gone, back, while_here, self))

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

    def wake(self) -> None:
        """Look soon."""
        self._wake.set()

    def look(self) -> None:
        """One look at the list."""
        with self._looking:
            self._look()

    def _look(self) -> None:
        for watched in list(self._watched):
            found, now = self._find(watched), time.monotonic()
            if watched.here and (found is None or watched.broken):
                watched.again_at = now + self._again_s if watched.broken else 0.0
                watched.here = watched.broken = False
                watched.gone()
                self._announce(f"lost {watched.name}; it is taken back when it returns")
            elif watched.here:
                watched.while_here()
            elif found is not None and now >= watched.again_at:
                if self._goes_on(found, watched) and _taken_back(watched, found):
                    self._announce(f"{found.title} is {'there' if watched.port is None else 'back'}")
                    watched.here, watched.port, watched.name = True, found, found.title
                else:
                    watched.again_at = now + self._again_s

    def _goes_on(self, port: Port, watched: Watched) -> bool:
        """Whether the port's server does; else it lists ports, but whoever opens one waits, and all of us."""
        lister = self._listers.get((port.api, watched.inputs))
        return lister is None or lister.link.answers()

    def _find(self, watched: Watched) -> Port | None:
        port = watched.port
        if port is None:
            listed = [p for api in apis() for p in self._list(api, watched.inputs)]
            alike = matching(listed, watched.name)
        else:
            listed = self._list(port.api, watched.inputs)
            if port.is_own:
                return port if (port.api, watched.inputs) in self._listers else None
            same = next((p for p in listed if p.name == port.name), None)
            if same is not None or watched.here:
                return same
            alike = [p for p in listed if p.is_again(port)]  # it may bear another number now
        free = [p for p in alike if not self._is_taken(p, watched)]
        if alike and not free and watched.refused is None:
            watched.refused = alike[0]
            self._announce(f"{watched.name}: {alike[0].name} is in use already, by another name; give one of them")
        return free[0] if len(free) == 1 else None  # if two could be it, neither is taken for it

    def _is_taken(self, port: Port, by_other_than: Watched) -> bool:
        return any(
            other.here and other.port.api == port.api and other.port.name == port.name
            for other in self._watched
            if other.inputs == by_other_than.inputs and other is not by_other_than
        )

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
        """The ports of one backend; none from when its server was found dead until a new one is asked.

        Its client is kept: for a new one each time, JACK would rearrange its graph, and nothing plays meanwhile, as
        python-rtmidi keeps the interpreter to itself.
        """
        key, now = (api, inputs), time.monotonic()
        lister = self._listers.get(key)
        if lister is None:
            if now < self._again_at.get(key, 0.0):
                return []
            lister = self._listers[key] = _Lister(api, inputs)
        ports = lister.list()
        if lister.is_dead():
            lister.close()
            del self._listers[key]
            self._again_at[key] = now + self._again_s
        return ports


class _Lister:
    """A client of one backend that only lists."""

    def __init__(self, api: int, inputs: bool):
        self._api = api
        self._failed = False
        self.link = Link()
        with self.link.opened():
            self._client = client_of(api, inputs, _LISTERS_NAME)

    def is_dead(self) -> bool:
        """Whether there is no server, or it has ended."""
        return self._client is None or self._failed or self.link.is_cut()

    def list(self) -> list[Port]:
        """The ports; none if the backend does not answer (any more)."""
        if self.is_dead():
            return []
        try:
            ports = ports_of(self._api, self._client)
        except ERRORS:
            ports = []
        # Where a cut line cannot be seen, an empty list is all that a JACK server leaves behind.
        self._failed = not ports and self._api == rtmidi.API_UNIX_JACK and not self.link.lifelines
        return ports

    def close(self) -> None:
        """Have done with the client."""
        if self._failed:  # libjack may crash over closing what has gone
            abandon(self._client)
        elif self._client is not None:
            self.link.end(self._client)


def _taken_back(watched: Watched, port: Port) -> bool:
    try:
        return watched.back(port)
    except UserError:  # listed, but busy or not ready yet
        return False
