"""Bounded reads: a file that a stranger made says nothing about how much memory it gets."""

import hashlib
import json
from pathlib import Path

from pianogenie.errors import UserError

MAX_WEIGHTS_BYTES = 64 << 20
"""Sixteen times the larger peer."""
MAX_TEXT_BYTES = 1 << 20


def read_bytes(path: Path, limit: int) -> bytes:
    """A regular file, whole. Raises UserError if it is something else, cannot be read, or is longer than `limit`."""
    if path.exists() and not path.is_file():  # a pipe would be waited for, for ever
        raise UserError(f"{path}: not a file")
    try:
        with open(path, "rb") as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from error
    if len(data) > limit:
        raise UserError(f"{path}: larger than {limit >> 10:,} KiB, more than any Piano Genie checkpoint")
    return data


def parse_json(data: bytes, path: Path) -> object:
    """`data` as JSON; NaN and Infinity, which are none, are refused. Raises UserError, naming `path`."""
    try:
        return json.loads(data.decode("utf-8"), parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: not JSON ({error})") from error


def sha256(data: bytes) -> str:
    """The checksum, in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")
