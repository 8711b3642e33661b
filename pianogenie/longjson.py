"""JSON with one long list, read an item at a time.

Python's own reader makes objects of the whole text at once, which take up to thirty times its size: a stranger's file
of some MiB could fill the memory. Here no value but that list may be longer than `MAX_CHARS`.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path

from pianogenie.errors import UserError

MAX_CHARS = 4096
"""Of a value. More would take longer to copy than to read."""

_SPACE = " \t\n\r"
_AFTER = re.compile(r"[ \t\n\r]*([,\]])[ \t\n\r]*").match
_decode, _scan = json.JSONDecoder().raw_decode, json.JSONDecoder().scan_once


class Items:
    """The list: may be gone through more than once. Raises UserError where it is no JSON."""

    def __init__(self, text: "_Text", start: int):
        self._text, self._start = text, start
        self.end: int | None = None  # known once it was gone through

    def __iter__(self) -> Iterator[object]:
        text, at = self._text.text, self._text.skip(self._start)
        if text[at : at + 1] == "]":
            self.end = at + 1
            return
        while True:
            try:  # the quick way: a file may hold a million
                value, length = _scan(text[at : at + MAX_CHARS], 0)
                if length == MAX_CHARS:  # a number may go on
                    raise ValueError
                at += length
            except (ValueError, RecursionError, StopIteration):
                value, at = self._text.value(at)
            yield value
            mark = _AFTER(text, at)
            if mark is None:
                raise self._text.fault("a comma or the end of the list is expected", at)
            at = mark.end()
            if mark[1] == "]":
                self.end = mark.end(1)
                return


def entries(data: bytes, long_list: str, path: Path | str) -> Iterator[tuple[str, object]]:
    """Names and values of the JSON object in `data` (UTF-8), in their order; an `Items` for the list of that name.

    An `Items` that is not gone through is checked, and may be gone through later. Raises UserError, naming `path`,
    if the data is no JSON object, or a value is longer than `MAX_CHARS`.
    """
    try:
        text = _Text(data.decode("utf-8-sig"), path)
    except ValueError as error:
        raise UserError(f"{path}: not JSON ({error})") from error
    at = text.skip(0)
    if text.text[at : at + 1] != "{":
        if text.text[at : at + 1] not in list('["tfn-0123456789'):
            raise text.fault("a value is expected", at)
        raise UserError(f"{path}: a JSON object is expected")
    at = text.skip(at + 1)
    ended = text.text[at : at + 1] == "}"
    at += ended
    while not ended:
        name, at = text.value(at)
        at = text.skip(at)
        if not isinstance(name, str) or text.text[at : at + 1] != ":":
            raise text.fault("a name and a colon are expected", at)
        at = text.skip(at + 1)
        if name == long_list and text.text[at : at + 1] == "[":
            items = Items(text, at + 1)
            yield name, items
            if items.end is None:
                for _ in items:
                    pass
            at = items.end
        else:
            value, at = text.value(at)
            yield name, value
        at = text.skip(at)
        mark = text.text[at : at + 1]
        if mark not in ("}", ","):
            raise text.fault("a comma or the end of the object is expected", at)
        ended = mark == "}"
        at = at + 1 if ended else text.skip(at + 1)
    if text.skip(at) < len(text.text):
        raise text.fault("it goes on after its end", text.skip(at))


class _Text:
    def __init__(self, text: str, path: Path | str):
        self.text, self._path = text, path

    def skip(self, at: int) -> int:
        """The first place from `at` on that is no white space."""
        text = self.text
        while text[at : at + 1] and text[at] in _SPACE:
            at += 1
        return at

    def value(self, at: int) -> tuple[object, int]:
        part = self.text[at : at + MAX_CHARS]
        try:
            value, length = _decode(part)
        except (ValueError, RecursionError) as error:
            if len(part) == MAX_CHARS and not isinstance(error, RecursionError):
                raise self.fault(f"not JSON, or a value of more than {MAX_CHARS} characters", at) from error
            raise self.fault(getattr(error, "msg", str(error)), at + getattr(error, "pos", 0)) from error
        if at + length < len(self.text) and length == MAX_CHARS:  # a number may go on
            raise self.fault(f"a value of more than {MAX_CHARS} characters", at)
        return value, at + length

    def fault(self, what: str, at: int) -> UserError:
        line = self.text.count("\n", 0, at) + 1
        column = at - (self.text.rfind("\n", 0, at) + 1) + 1
        return UserError(f"{self._path}: not JSON ({what}: line {line} column {column})")
