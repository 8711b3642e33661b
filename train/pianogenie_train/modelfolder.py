"""What all that write a model folder keep to: where it may be put, and how far its graphs may be off.

Apart from export.py, so that importing a checkpoint does without torch.
"""

import shlex
from pathlib import Path

from pianogenie.errors import UserError
from pianogenie.files import read_json

TOLERANCE = 1e-4
"""The largest difference of logits that a folder's decoder may show against what it was made from."""

_MOST_CARD_BYTES = 1 << 20


def played_as(out: Path) -> str:
    """What a folder is called by to be played, as a shell takes it: a bare name would be a model's that ships."""
    return shlex.quote(str(out) if len(out.parts) > 1 else f"./{out}")


def check_place(out: Path, force: bool) -> None:
    """Raise UserError if `out` is in use by something other than a model of ours, or by that and not `force`."""
    if not out.exists() and not out.is_symlink():
        return
    try:
        found = read_json(out / "model.json", _MOST_CARD_BYTES)
    except UserError:
        found = None
    ours = isinstance(found, dict) and str(found.get("format")).startswith("pianogenie-model/")
    if not ours:
        raise UserError(f"{out}: is there already and is not a model folder; name another")
    if not force:
        raise UserError(f"{out}: is there already; name another, or overwrite it with --force")
