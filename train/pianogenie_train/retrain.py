"""What one command needs to know to make a model of a collection: where things go, whether there is enough to learn
from, and settings that suit how much there is. (onego.py does the work.)"""

import contextlib
import math
import re
import shlex
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pianogenie.errors import UserError
from pianogenie.model import shipped_models
from pianogenie.paths import own_models_dir, training_dir
from pianogenie_train import modelfolder, runs, sizes
from pianogenie_train.config import Config
from pianogenie_train.data import Prepared
from pianogenie_train.prepare import WINDOW_NOTES
from pianogenie_train.sources import SPLITS

LEAST_PIECES = 10
LEAST_NOTES = 2_000
FEW_NOTES = 200_000
"""Below it a model that starts from nothing learns little; one that is fine-tuned does."""

MOST_PASSES = 100
"""How often a training goes through a collection at most, each time transposed and stretched anew."""

_VALIDATION_SHARE = 0.1  # of the time, about; looking at a note costs a third of learning from it
_VALIDATE_EVERY = (25, 500)  # steps, at least and at most
_NAME = re.compile(r"\w[\w .+-]{0,63}")


@dataclass(frozen=True)
class Places:
    """Where a training puts what it makes."""

    model: Path
    work: Path  # holds `data` and `run`
    play: str  # what the model is called by to be played, as a shell takes it

    @property
    def data(self) -> Path:
        return self.work / "data"

    @property
    def run(self) -> Path:
        return self.work / "run"

    def begun(self) -> bool:
        """Whether an earlier try has left something to go on with."""
        return (self.data / "data.json").is_file() or runs.is_run(self.run)

    def clear(self) -> None:
        """Remove what an earlier try has left, and nothing else (see `places`)."""
        shutil.rmtree(self.data, ignore_errors=True)
        shutil.rmtree(self.run, ignore_errors=True)
        self.leave()

    def leave(self) -> None:
        """Remove the folder if there is nothing in it."""
        with contextlib.suppress(OSError):  # it holds something, or is where we stand
            self.work.rmdir()


def places(
    name: str, out: Path | None, work: Path | None, collection: Sequence[str], *, resume: bool, force: bool
) -> Places:
    """Where the model `name` and its training go. Raises UserError for a name or a place that will not do: that holds
    what no training put there, since all that a training left may be removed, or what it is to learn from."""
    if not _NAME.fullmatch(name) or name != name.strip(" ."):
        raise UserError(f"--name {name!r}: a model's name is 1 to 64 letters, digits, spaces and . _ + -")
    if out is None and name in {folder.name for folder in shipped_models()}:
        raise UserError(f"--name {name}: is the name of a model that ships; give yours another")
    model = out or own_models_dir() / name
    play = shlex.quote(name) if out is None else modelfolder.played_as(out)
    found = Places(model, work or training_dir() / name, play)
    modelfolder.check_place(model, force)
    runs.check_name(found.run)
    if found.work.is_dir():
        strange = sorted(p.name for p in found.work.iterdir() if p.name not in ("data", "run") and p.name[0] != ".")
        if strange:
            raise UserError(f"{found.work}: holds {strange[0]}, which no training put there; name another with --work")
        for folder, is_ours in ((found.data, (found.data / "data.json").is_file()), (found.run, _is_ours(found.run))):
            if folder.exists() and not is_ours:
                raise UserError(f"{folder}: no training put that there; name another folder with --work")
            for path in collection:
                if Path(path).resolve().is_relative_to(folder.resolve()):
                    raise UserError(f"{path}: is where this training puts what it makes; name another with --work")
    elif found.work.exists():
        raise UserError(f"{found.work}: is there already and is not a folder; name another with --work")
    if found.begun() and not (resume or force):
        raise UserError(
            f"{found.work}: holds a training that was begun earlier; go on with --resume, or begin anew with --force"
        )
    return found


def _is_ours(run: Path) -> bool:
    """Whether a folder is a training's, one that was killed at its very beginning included."""
    return runs.is_run(run) or (run.is_dir() and not any(path.name[0] != "." for path in run.iterdir()))


def check_playable(config: Config, whose: str) -> None:
    """Raise UserError if what comes of a configuration, which is `whose`, could be trained but not played."""
    if config.bottleneck == "none":
        raise UserError(
            f"{whose}: makes a language model, without buttons to play on; name another, or train and score it with "
            "`pianogenie train fit` and `eval`"
        )
    sizes.check_exportable(config)


def check_enough(data: Prepared, source: str) -> None:
    """Raise UserError, with the numbers and the way out, if `data` is too little to train and score a model on."""
    lengths = {split: data.pieces(split)[1] for split in SPLITS}
    whole = {split: found[found >= WINDOW_NOTES] for split, found in lengths.items()}
    pieces, notes = sum(map(len, whole.values())), int(whole["train"].sum())
    if pieces >= LEAST_PIECES and notes >= LEAST_NOTES and not len(whole["validation"]):
        raise UserError(
            f"{source}: no piece of {WINDOW_NOTES} notes is kept for validation, so that nothing could be scored; "
            "move a tenth of the files into a folder called validation"
        )
    if pieces >= LEAST_PIECES and notes < LEAST_NOTES and len(whole["train"]) < pieces / 2:  # no hash does that
        fell = ", ".join(f"in {split} {len(found)}" for split, found in whole.items())
        raise UserError(
            f"{source}: too little to learn from: of its {pieces} files with {WINDOW_NOTES} notes or more, {fell}; "
            f"{notes:,} notes to train on, and at least {LEAST_NOTES:,} are needed. Take files out of folders called "
            "validation or test, or out of those splits in a MAESTRO table"
        )
    if pieces < LEAST_PIECES or notes < LEAST_NOTES:
        raise UserError(
            f"{source}: too little to learn from: {data.report['files']} usable files, {pieces} of them with "
            f"{WINDOW_NOTES} notes or more, {notes:,} notes in those to train on; at least {LEAST_PIECES} such files "
            f"and {LEAST_NOTES:,} notes are needed. Add files: twenty are enough to begin with"
        )


def suited(config: Config, data: Prepared, changes: dict) -> Config:
    """The configuration, suited to how much there is, but for what `changes` names already.

    Windows become shorter where most pieces are shorter than they, `steps` end after MOST_PASSES, and validation is
    looked at as often as it can be for a tenth of the time.
    """
    settings = {}
    lengths = data.pieces("train")[1]
    long_enough = lengths[lengths >= config.window].sum() >= lengths[lengths >= WINDOW_NOTES].sum() / 2
    if config.window > WINDOW_NOTES and not (long_enough and len(data.windows("validation", config.window))):
        settings["window"] = WINDOW_NOTES
    window = changes.get("window") or settings.get("window", config.window)
    notes_a_step = config.batch_size * int(window)
    learnt = int(lengths[lengths >= int(window)].sum())  # of shorter pieces nothing is
    settings["steps"] = max(1, math.ceil(MOST_PASSES * learnt / notes_a_step))
    held_out = len(data.windows("validation", int(window))) * int(window)
    every = math.ceil(held_out / 3 / _VALIDATION_SHARE / notes_a_step)
    settings["validate_every"] = min(max(every, _VALIDATE_EVERY[0]), _VALIDATE_EVERY[1])
    return config.but(**{name: value for name, value in settings.items() if name not in changes})
