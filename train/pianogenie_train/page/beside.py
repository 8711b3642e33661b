"""The model that a new one is held against: its parent, or the one that ships."""

import contextlib
import dataclasses
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pianogenie.errors import UserError
from pianogenie.model import DEFAULT_MODEL, Model, find_model, load_model
from pianogenie_train import parents, runs, scores
from pianogenie_train.data import Prepared
from pianogenie_train.export import NOT_STATED, Provenance, export
from pianogenie_train.players import FolderPlayer


@dataclass(frozen=True)
class Beside:
    """A model and its scores, as on a card, on the data that the new one was scored on."""

    model: Model
    scores: dict
    is_parent: bool


def load(name_or_dir: str | None) -> Model | None:
    """The model (by name, folder or run folder); the one that ships if none is named, or None if that cannot be had.

    Raises UserError if a named one cannot be read.
    """
    try:
        return _load(find_model(name_or_dir or DEFAULT_MODEL))
    except UserError:
        if name_or_dir:
            raise
        return None


def parent_or_shipped(parent: dict | None, say: Callable[[str], object]) -> Model | None:
    """What a run of this `parent` (its facts; None: from nothing) is held against, if nobody names another: the parent,
    if its name leads to it, else what `load` gives. Says so if it does not."""
    if parent is not None:
        with contextlib.suppress(UserError):
            found = load(parent["name"])
            if parents.is_of(found.card, parent):
                return found
        say(f"{parent['name']}: its parent is not found by that name; --beside takes the folder, too")
    return load(None)


def scored(model: Model, data: Prepared, progress, *, is_parent: bool) -> Beside:
    """The model with its scores on the validation data. Raises UserError if that holds no whole window."""
    found = scores.evaluate(FolderPlayer(model), data, "validation", progress)
    return Beside(model, dataclasses.asdict(found), is_parent)


def _load(folder: Path) -> Model:
    if not runs.is_run(folder):
        return load_model(folder)
    with tempfile.TemporaryDirectory() as place:  # what is loaded needs its files no more
        out = Path(place) / "model"
        export(folder, out, Provenance(*3 * (NOT_STATED,)), name=folder.resolve().name, scored=False)
        return load_model(out)
