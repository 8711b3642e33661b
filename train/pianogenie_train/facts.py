"""The JSON file that says what a folder of ours is: read with one voice."""

from pathlib import Path

from pianogenie.errors import UserError
from pianogenie.files import read_json


def read_facts(path: Path, file_format: str, maker: str, limit: int) -> dict:
    """The object in the file `path`, of at most `limit` bytes, if it says that it is of `file_format`.

    Raises UserError, with the command `maker` as the way out, if it is missing, no JSON object or of another format.
    """
    if not path.exists():
        raise UserError(f"{path.parent}: no {path.name} in it; `{maker}` makes such a folder")
    facts = read_json(path, limit)
    found = facts.get("format") if isinstance(facts, dict) else None
    if found != file_format:
        raise UserError(f"{path}: has the format {found!r}, this trainer reads {file_format!r}; run `{maker}` again")
    return facts
