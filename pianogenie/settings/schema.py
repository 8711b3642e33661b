"""Typed tables: a dataclass says what may stand in a TOML table, and reading one tells what is wrong with it, by name.

A field is `str`, `int`, `float`, `bool`, `Literal[...]`, one of those `| None` (not given), `tuple[X, ...]` (a list),
`dict[str, X]` (a table with names of the person's own), or another such dataclass (a table). `entry` gives it its
default, its bounds and the comment that it gets in the file.
"""

import dataclasses
import difflib
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

Table = TypeVar("Table")
Path = tuple[str, ...]

_TYPES = {str: "a text in quotes", bool: "true or false", int: "a whole number", float: "a number"}


class Wrong(ValueError):
    """An entry that is unknown or holds what it may not. `path` leads to it: ('play', 'temperature')."""

    def __init__(self, path: Path, fault: str):
        super().__init__(fault)
        self.path = path


def entry(
    default: Any = dataclasses.MISSING,
    doc: str = "",
    *,
    low: float | None = None,
    high: float | None = None,
    check: Callable[[Any], object] | None = None,
    each_once: bool = False,
    example: str = "",
) -> Any:
    """A dataclass field with what reading needs to know.

    Args:
        default: where the entry is not given; without one it must be.
        doc: what it is, in a line or two; the comment above it in the file.
        low, high: bounds of a number (of each, in a list).
        check: called with the value (each, in a list); raises ValueError, saying what is wrong with it.
        each_once: of a list: there is something in it, and nothing twice.
        example: what the file shows commented out, where the default (None, an empty list) shows nothing.
    """
    metadata = {"doc": doc, "low": low, "high": high, "check": check, "each_once": each_once, "example": example}
    if isinstance(default, dict):
        return dataclasses.field(default_factory=lambda: dict(default), metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


def read(table: type[Table], raw: Mapping[str, Any], path: Path = ()) -> Table:
    """A dataclass out of a table as TOML gave it. Raises Wrong at the first entry that is unknown, wrong or missing."""
    if not isinstance(raw, Mapping):
        raise Wrong(path, f"{_shown(raw)} is not a table")
    fields = {field.name: field for field in dataclasses.fields(table)}
    hints = typing.get_type_hints(table)
    values = {}
    for key, value in raw.items():
        if key not in fields:
            raise Wrong((*path, key), f"no such entry; {_way_out(key, list(fields))}")
        values[key] = _value(hints[key], value, (*path, key), fields[key].metadata)
    for name, field in fields.items():
        required = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        if required and name not in values:
            raise Wrong(path, f"{name} is missing")
    return table(**values)


def _value(hint: Any, value: Any, path: Path, rules: Mapping[str, Any]) -> Any:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        (inner,) = (each for each in arguments if each is not type(None))
        return _value(inner, value, path, rules)
    if dataclasses.is_dataclass(hint):
        return read(hint, value, path)
    if origin is dict:
        if not isinstance(value, Mapping):
            raise Wrong(path, f"{_shown(value)} is not a table")
        return {key: _value(arguments[1], each, (*path, key), rules) for key, each in value.items()}
    if origin is tuple:
        if not isinstance(value, list):
            raise Wrong(path, f"{_shown(value)} is not a list, such as [{_shown(value)}]")
        if rules.get("each_once"):
            if not value:
                raise Wrong(path, "it is empty")
            if twice := [each for place, each in enumerate(value) if each in value[:place]]:
                raise Wrong(path, f"{_shown(twice[0])} stands there twice")
        return tuple(_value(arguments[0], each, path, rules) for each in value)
    if origin is typing.Literal:
        if value not in arguments or type(value) is not type(arguments[0]):
            raise Wrong(path, f"{_shown(value)} is none of {', '.join(map(str, arguments))}")
        return value
    return _scalar(hint, value, path, rules)


def _scalar(kind: type, value: Any, path: Path, rules: Mapping[str, Any]) -> Any:
    if kind is float and type(value) is int:
        value = float(value) if abs(value) < 1 << 53 else value
    if type(value) is not kind:
        raise Wrong(path, f"{_shown(value)} is not {_TYPES[kind]}")
    if kind is str and not value.strip():
        raise Wrong(path, "it is empty; leave it out instead")
    low, high = rules.get("low"), rules.get("high")
    if kind in (int, float) and not (low is None or value >= low) & (high is None or value <= high) & (value == value):
        bounds = f"{'' if low is None else low}..{'' if high is None else high}"
        raise Wrong(path, f"{_shown(value)} is not in {bounds}" if bounds != ".." else f"{value} is not a number")
    if check := rules.get("check"):
        try:
            check(value)
        except ValueError as error:
            raise Wrong(path, str(error)) from error
    return value


def _way_out(key: str, known: list[str]) -> str:
    close = difflib.get_close_matches(key.replace("-", "_"), known, n=1)
    return f"did you mean {close[0]}?" if close else f"there are {', '.join(known) or 'none'}"


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    shown = " ".join((f'"{value}"' if isinstance(value, str) else str(value)).split())
    return shown if len(shown) <= 60 else shown[:57] + "..."
