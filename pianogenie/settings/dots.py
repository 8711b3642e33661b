"""A guard before readers of TOML, whose time grows with the cube of a dotted key's length: 8,000 parts take minutes."""

_MOST = 32


def line_with_too_many_dots(text: str) -> int | None:
    """The first line (from 1), no comment, on which there are more dots than any key or value of ours has; or None."""
    for number, line in enumerate(text.split("\n"), 1):
        if line.count(".") > _MOST and not line.lstrip().startswith("#"):
            return number
    return None
