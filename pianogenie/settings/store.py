"""The settings file: found, read, shown, written to. One commented TOML file, the person's own."""

import dataclasses
import json
import os
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import platformdirs

from pianogenie.errors import UserError
from pianogenie.files import read_bytes, written_whole
from pianogenie.settings.dots import line_with_too_many_dots
from pianogenie.settings.lines import first_that, line_of, lines_of
from pianogenie.settings.schema import Wrong, read
from pianogenie.settings.tables import Origin, Settings

VARIABLE = "PIANOGENIE_CONFIG"
"""The environment variable that names another file."""
MAX_FILE_BYTES = 32 << 10

_HEAD = """\
# Pianogenie's settings. Everything may be left out; what is commented out is the default, or an example.
# Options of the command line come before what stands here; `pianogenie config` shows what counts and why.
"""


def settings_path(given: Path | str | None = None) -> Path:
    """The settings file: the one given, else $PIANOGENIE_CONFIG, else pianogenie.toml in the platform's folder."""
    if named := given or os.environ.get(VARIABLE):
        return Path(named).expanduser()
    return platformdirs.user_config_path("pianogenie", appauthor=False) / "pianogenie.toml"


def load(path: Path | str | None = None) -> tuple[Settings, Origin]:
    """The settings and where they came from; the defaults where there is no such file.

    Raises UserError: the file cannot be read, is not TOML, or has an unknown or wrong entry; names the line.
    """
    path = settings_path(path)
    if not path.exists():
        return Settings(), Origin(path)
    text = _read_text(path)
    raw = _parse(text, path).unwrap()
    lines = lines_of(text)
    try:
        return read(Settings, raw), Origin(path, raw, lines)
    except Wrong as wrong:
        line = line_of(lines, wrong.path)
        where = f"{path}: line {line}" if line else str(path)
        raise UserError(f"{where}: {'.'.join(map(_key, wrong.path))}: {wrong}") from wrong


def remember(table: tuple[str, ...], values: Mapping[str, Any], path: Path | str | None = None) -> Path:
    """Put entries into a table of the file (None takes one out), keeping all else and its comments.

    The file is made, with its comments, if there is none. Returns its path.

    Args:
        table: leads to it: ("play",), ("gamepad", "Xbox Wireless Controller").
        values: what TOML knows: texts, numbers, booleans, lists and dicts of these.
        path: of the file, as for `load`.

    Raises:
        UserError: the file cannot be read as it is (it is left alone then), the values are wrong, or it cannot be
            written.
    """
    import tomlkit

    path = settings_path(path)
    document = _parse(_read_text(path) if path.exists() else template(), path)
    expected = document.unwrap()
    place, plain = document, expected
    for depth, name in enumerate(table, start=1):
        if name not in place:
            place[name] = tomlkit.table(is_super_table=depth < len(table))
        place, plain = place[name], plain.setdefault(name, {})
        if not isinstance(plain, dict):
            raise UserError(f"{path}: {'.'.join(map(_key, table[:depth]))} is not a table")
    for key, value in values.items():
        plain.pop(key, None)
        if value is not None:
            place[key] = plain[key] = value
        elif key in place:
            del place[key]
    text = document.as_string()
    # What is written must be read again as it was meant, whatever shape the person has given to the file.
    if _parse(text, path).unwrap() != _plain(expected):
        raise UserError(
            f"{path}: [{'.'.join(map(_key, table))}] cannot be changed in there; give it a table of its own"
        )
    try:
        read(Settings, _plain(expected))
    except Wrong as wrong:
        raise UserError(f"{path}: {'.'.join(map(_key, wrong.path))}: {wrong}") from wrong
    _write(path, text)
    return path


def create(path: Path | str | None = None) -> Path:
    """Write a file in which every setting is explained and commented out. Raises UserError if there is one already."""
    path = settings_path(path)
    if path.exists():
        raise UserError(f"{path}: there already; it is yours to edit")
    _write(path, template())
    return path


def template() -> str:
    """The text of a settings file in which every setting is explained and commented out."""
    return _HEAD + "".join(_table_template(name, hint) for name, hint in typing.get_type_hints(Settings).items())


def toml(value: Any) -> str:
    """A value as TOML writes it."""
    import tomlkit

    return tomlkit.item(list(value) if isinstance(value, tuple) else value).as_string()


def _table_template(name: str, hint: Any) -> str:
    table, header = hint, f"[{name}]"
    if typing.get_origin(hint) is dict:
        table = typing.get_args(hint)[1]
        header = f'# [{name}."NAME"]'
    lines = ["", *(f"# {line}" for line in (table.__doc__ or "").splitlines()[:1]), header]
    for field in dataclasses.fields(table):
        lines += [f"# {line}" for line in field.metadata.get("doc", "").splitlines()]
        shown = field.metadata.get("example") or (
            toml(field.default) if field.default not in (None, dataclasses.MISSING) else '""'
        )
        lines.append(f"# {field.name} = {shown}")
    return "\n".join(lines) + "\n"


def _read_text(path: Path) -> str:
    data = read_bytes(path, MAX_FILE_BYTES)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise UserError(f"{path}: line {line}: not UTF-8 text") from error


def _parse(text: str, path: Path):
    import tomlkit  # 60 ms, which only a file is worth
    from tomlkit.exceptions import ParseError, TOMLKitError

    def fails(part: str) -> bool:
        try:
            tomlkit.parse(part).unwrap()
        except (TOMLKitError, ValueError, RecursionError):
            return True
        return False

    if line := line_with_too_many_dots(text):
        raise UserError(f"{path}: line {line}: more dots than a setting has")
    try:
        document = tomlkit.parse(text)
        document.unwrap()  # a table that is given twice is noticed only here
        return document
    except ParseError as error:
        line, fault = error.line, str(error).rpartition(" at line ")[0] or str(error)
    except (TOMLKitError, ValueError, RecursionError) as error:  # it does not say where
        line, fault = first_that(text, fails), str(error)
    raise UserError(f"{path}: {f'line {line}: ' if line else ''}not TOML ({_one_line(fault)})")


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _write(path: Path, text: str) -> None:
    # A link stays one: people keep such files in a folder of their own and link to them.
    with written_whole(path.resolve()) as temporary:
        temporary.write_bytes(text.encode())


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    return value.unwrap() if hasattr(value, "unwrap") else value


def _key(name: str) -> str:
    is_bare = name.isascii() and name.replace("_", "").replace("-", "").isalnum()
    return name if is_bare else json.dumps(name, ensure_ascii=False)
