"""Button performances: what a player did, whatever model heard it. JSON, `pianogenie-performance/1`."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from pianogenie.errors import UserError
from pianogenie.events import Pedal, PlayerEvent, Press, Release
from pianogenie.files import read_bytes, written_whole
from pianogenie.longjson import Items, entries

FORMAT = "pianogenie-performance/1"
MAX_FILE_BYTES = 64 << 20
"""Half a million presses and their releases: fourteen hours at ten a second."""
MAX_SECONDS = 24 * 3600.0


@dataclass
class Performance:
    """Presses, releases and pedals in order of time (s from the start), on `num_buttons` buttons.

    `source` is the file that it was read from, or what else to call it in a message.
    """

    num_buttons: int = 8
    events: list[PlayerEvent] = field(default_factory=list)
    source: str = field(default="the performance", compare=False)

    @property
    def seconds(self) -> float:
        """The time of the last event."""
        return self.events[-1].time if self.events else 0.0


def load_performance(path: Path | str) -> Performance:
    """Read a button performance.

    Raises:
        UserError: not readable, not JSON, of another format, or an event at fault, named by its number.
    """
    path = Path(path)
    head: dict[str, object] = {}
    events: list[PlayerEvent] | Items | None = None
    for name, value in entries(read_bytes(path, MAX_FILE_BYTES), "events", path):
        if name != "events":
            head[name] = value
        elif isinstance(value, Items) and _is_known(head):
            events = list(_events(path, value, head["num_buttons"]))
        else:
            events = value if isinstance(value, Items) else None
    if "format" not in head:
        raise UserError(f"{path}: not a button performance: no format is given")
    if head["format"] != FORMAT:
        raise UserError(f"{path}: format {head['format']!r} is not {FORMAT!r}, the one that this version reads")
    buttons = head.get("num_buttons")
    if not _is_int(buttons, 1, 88):
        raise UserError(f"{path}: num_buttons is {buttons!r}, not a number in 1..88")
    if events is None:
        raise UserError(f"{path}: events is missing or not a list")
    if isinstance(events, Items):  # what they are to be held against stands after them
        events = list(_events(path, events, buttons))
    return Performance(buttons, events, str(path))


def _is_known(head: dict[str, object]) -> bool:
    return head.get("format") == FORMAT and _is_int(head.get("num_buttons"), 1, 88)


def save_performance(performance: Performance, path: Path | str) -> None:
    """Write a button performance, whole or not at all. Raises UserError."""
    write_performance(performance.num_buttons, performance.events, path)


def write_performance(num_buttons: int, events: Iterable[PlayerEvent], path: Path | str) -> None:
    """Write events, in order of time, as they come: as `save_performance`, without having them all in memory."""
    with written_whole(path) as temporary, open(temporary, "w", encoding="utf-8") as file:
        file.write(f'{{"format": "{FORMAT}", "num_buttons": {num_buttons}, "events": [')
        separator = "\n"
        for event in events:  # a line an event: easy to read, to compare and to cut
            file.write(separator + json.dumps(_as_json(event)))
            separator = ",\n"
        file.write("\n]}\n")


def _as_json(event: PlayerEvent) -> dict:
    if isinstance(event, Press):
        return {"time": event.time, "type": "press", "button": event.button, "velocity": event.velocity}
    if isinstance(event, Release):
        return {"time": event.time, "type": "release", "button": event.button}
    return {"time": event.time, "type": "pedal", "value": event.value}


def _events(path: Path, items: Iterable[object], buttons: int) -> Iterable[PlayerEvent]:
    before = 0.0
    for number, item in enumerate(items, start=1):
        where = f"{path}: event {number}"
        if not isinstance(item, dict):
            raise UserError(f"{where}: not a JSON object")
        time = item.get("time")
        if not isinstance(time, (int, float)) or isinstance(time, bool) or time != time:
            raise UserError(f"{where}: time is {time!r}, not seconds")
        if time < before:
            raise UserError(f"{where}: time {time!r} goes back before {before!r}")
        if time > MAX_SECONDS:
            raise UserError(f"{where}: time {time!r} is more than a day from the start")
        before = time
        yield _event(where, item, float(time), buttons)


def _event(where: str, item: dict, time: float, buttons: int) -> PlayerEvent:
    kind = item.get("type")
    if kind == "pedal":
        if not _is_int(item.get("value"), 0, 127):
            raise UserError(f"{where}: the pedal's value is {item.get('value')!r}, not a number in 0..127")
        return Pedal(item["value"], time)
    if kind not in ("press", "release"):
        raise UserError(f"{where}: type {kind!r} is none of press, release, pedal")
    button = item.get("button")
    if not _is_int(button, 0, buttons - 1):
        raise UserError(f"{where}: button is {button!r}, not a number in 0..{buttons - 1}")
    if kind == "release":
        return Release(button, time)
    velocity = item.get("velocity")
    if velocity is not None and not _is_int(velocity, 1, 127):
        raise UserError(f"{where}: velocity is {velocity!r}, neither null nor a number in 1..127")
    return Press(button, time, velocity)


def _is_int(value: object, low: int, high: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
