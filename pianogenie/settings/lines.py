"""On which line of a TOML file an entry stands, which tomlkit does not keep."""

import re
from collections.abc import Callable, Iterator

Path = tuple[str, ...]

# Strings and comments whole, since brackets, equals signs and ends of lines mean nothing inside them.
_TOKEN = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:\\.|[^"\\\n])*"|\'[^\'\n]*\'|#[^\n]*|[^"\'#\n\[\]{}=]+|.|\n',
    re.DOTALL,
)


def lines_of(text: str) -> dict[Path, int]:
    """The line (from 1) of each table's header and each entry, by path. The text must have been parsed well already.

    Entries of inline tables are not told apart from the entry that they stand in.
    """
    lines: dict[Path, int] = {}
    table: Path = ()
    for line, name, is_header in _statements(text):
        path = _path(name if is_header else f"{name} = 0")
        if is_header:
            table = path
        else:
            path = table + path
        # A table may be spoken of on many lines; what is about the whole of it is best found at the first.
        for length in range(1, len(path) + 1):
            lines.setdefault(path[:length], line)
    return lines


def line_of(lines: dict[Path, int], path: Path) -> int | None:
    """The line of an entry, or of the nearest thing around it that has one."""
    for length in range(len(path), 0, -1):
        if path[:length] in lines:
            return lines[path[:length]]
    return None


def first_that(text: str, fails: Callable[[str], bool]) -> int | None:
    """The line of the statement with which the text begins to fail: the text up to it does not, with it it does."""
    starts = [line for line, _name, _is_header in _statements(text)]
    lines = text.split("\n")
    low, high = 0, len(starts)
    while low < high:
        middle = (low + high) // 2
        end = starts[middle + 1] - 1 if middle + 1 < len(starts) else len(lines)
        if fails("\n".join(lines[:end])):
            high = middle
        else:
            low = middle + 1
    return starts[low] if low < len(starts) else None


def _statements(text: str) -> Iterator[tuple[int, str, bool]]:
    """The first line, and the key or `[header]`, of each statement."""
    line = first = 1
    depth = 0
    name, named = "", False
    for token in _TOKEN.findall(text):
        if token == "\n" and depth == 0:
            if name.strip():
                yield first, name.strip(), not named
            name, named, first = "", False, line + 1
        elif token in ("[", "{"):
            depth += 1
        elif token in ("]", "}"):
            depth -= 1
        elif token == "=" and depth == 0:
            named = True
        if not named and not token.startswith("#") and token != "\n":
            name += token
        line += token.count("\n")
    if name.strip():
        yield first, name.strip(), not named


def _path(statement: str) -> Path:
    import tomlkit  # 60 ms, which only a file is worth
    from tomlkit.exceptions import TOMLKitError

    try:
        step = tomlkit.parse(statement).unwrap()
    except (TOMLKitError, ValueError):  # not worth another error: there is one to be told already
        return ()
    path = []
    while step and isinstance(step, (dict, list)):
        if isinstance(step, list):
            step = step[0]
            continue
        ((key, step),) = step.items()
        path.append(key)
    return tuple(path)
