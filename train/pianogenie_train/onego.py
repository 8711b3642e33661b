"""From MIDI files to a model in one go: prepare, fit, score, export, and a page to look at.

Each step leaves something whole behind or nothing, so that a second try goes on where the first was stopped.
"""

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pianogenie.errors import UserError
from pianogenie_train import config as configs
from pianogenie_train import export as exporting
from pianogenie_train import loop, parents, prepare, ranks, report, retrain, runs, sources, workers
from pianogenie_train.data import Prepared
from pianogenie_train.page import beside, making
from pianogenie_train.parents import Parent
from pianogenie_train.retrain import Places
from pianogenie_train.runs import LAST

Say = Callable[[str], Any]


@dataclass(frozen=True)
class Job:
    """What was asked for."""

    name: str
    paths: tuple[str, ...]
    places: Places
    parent_name: str | None
    config_name: str
    changes: dict[str, str]  # settings, as they were typed
    provenance: exporting.Provenance
    command: str

    def parent(self, force: bool) -> Parent | None:
        """The model to start from, if any. Raises UserError if it cannot be, if `force` would remove it, or if what
        comes of it (or of the configuration) could not be played."""
        if self.parent_name is None:
            config = configs.named(self.config_name).but(**self.changes)
            retrain.check_playable(config, f"--config {self.config_name}")
            return None
        parent = parents.find_parent(self.parent_name)
        retrain.check_playable(parent.settings(self.changes), f"--from {self.parent_name}")
        if force and parent.folder.resolve().is_relative_to(self.places.work.resolve()):
            raise UserError(f"{parent.folder}: is what --force would remove; give another --name or --work")
        return parent

    def prepared(self, jobs: int | None, progress, say: Say) -> Prepared:
        """The data: read now, or by an earlier try. Raises UserError, and leaves nothing, if it is too little; and if
        the earlier try read another collection, which is left as it is."""
        folder, source = self.places.data, ", ".join(self.paths)
        if (folder / "data.json").is_file():
            data = Prepared(folder)
            _check_same_files(data, self)
            return data
        try:
            began, jobs = time.perf_counter(), jobs or workers.cores()
            done = prepare.prepare(list(self.paths), folder, jobs=jobs, command=self.command, progress=progress)
            say(report.of_preparation(done, folder, time.perf_counter() - began, jobs))
            data = Prepared(folder)
            try:
                retrain.check_enough(data, source)
            except UserError:
                shutil.rmtree(folder)  # made just now
                raise
        except UserError:
            self.places.leave()
            raise
        return data

    def fitted(
        self, parent: Parent | None, data: Prepared, minutes: float, device: str, threads: int | None, say: Say
    ) -> loop.Outcome:
        """Train for so many minutes in all, an earlier try's included; under torchrun, all processes together. Raises
        UserError as `loop.fit` does."""
        folder, start, resume = self.places.run, None, False
        ranks.first_alone(self._swept)
        if runs.is_run(folder):
            _check_same(runs.open_run(folder), parent, self)
            run, resume = loop.resumed_run(folder, self.changes, None, data, self.command), True
            reached = runs.read_checkpoint(run.checkpoint(LAST), run.config)
            step, spent = int(reached["global_step"]), float(reached["pianogenie"]["minutes"])
            if step >= run.config.steps or spent >= minutes:
                return loop.Outcome(step, spent, None, stopped=False)
        elif parent is not None:
            start = parent.weights
            config = retrain.suited(parent.settings(self.changes), data, self.changes)
            run = loop.new_run(folder, config, parent.config_name, data, "", parent.facts())
        else:
            config = retrain.suited(configs.named(self.config_name).but(**self.changes), data, self.changes)
            run = loop.new_run(folder, config, self.config_name, data, "")
        ranks.raise_together(None)  # all have looked; from here on the first one writes
        say(self._announced(run, minutes))
        return loop.fit(run, resume=resume, minutes=minutes, device=device, threads=threads, start=start)

    def _swept(self) -> None:
        folder = self.places.run
        if runs.is_run(folder) and not runs.open_run(folder).checkpoint(LAST).is_file():
            shutil.rmtree(folder)  # it was killed within its first minute

    def _announced(self, run: runs.Run, minutes: float) -> str:
        origin = f"from {run.parent['name']}" if run.parent else "from nothing"
        lines = [
            f"Training {self.name} {origin} on {run.notes:,} notes, for {minutes:g} minutes or {run.config.steps:,} "
            "steps, whichever is over first. Ctrl-C stops it and keeps what it has learnt."
        ]
        if not run.parent and run.notes < retrain.FEW_NOTES:
            lines.append(f"{run.notes:,} notes are few to start from nothing with; --from classical would help.")
        return "\n".join(lines)

    def made(self, data: Prepared, force: bool, progress, say: Say) -> None:
        """The model folder with its scores and its page, and how to play it. Raises UserError as they do."""
        places = self.places
        other = beside.load(self.parent_name)  # now: it may lie where the new one goes

        def finish(folder: Path, facts: dict) -> None:
            say(report.of_export(facts, places.model, how_to_play=False))
            compared = other and beside.scored(other, data, progress, is_parent=self.parent_name is not None)
            if compared:
                say(report.of_comparison(other.name, compared.scores))
            making.write_page(folder, places.run, data, compared, play=places.play)

        exporting.export(
            places.run,
            places.model,
            self.provenance,
            name=self.name,
            data=data.folder,
            force=force,
            progress=progress,
            finish=finish,
        )
        say(f"How it came about, to look at and to listen to: {places.model / making.NAME}")
        say(f"Data and checkpoints, which playing does not need: {places.work}")
        say(f"Play it: pianogenie play --model {places.play}")


def _check_same_files(data: Prepared, job: Job) -> None:
    """Refuse to go on with data of other files than those that are named now."""
    paths = list(job.paths)
    found = sources.collection(paths, sources.find_all(paths))
    began = data.collection
    if not isinstance(began, dict) or began.get("sha256") == found["sha256"]:
        return
    ways_out = "begin anew with --force in place of --resume, or name another --work"
    if began.get("paths") == found["paths"]:
        raise UserError(
            f"{', '.join(paths)}: holds other files than when {job.places.work} was begun on it ({began.get('files')} "
            f"MIDI files then, {found['files']} now); go on with those, {ways_out}"
        )
    raise UserError(
        f"{job.places.work}: was begun on {', '.join(map(str, began.get('paths', ())))}; go on with that, {ways_out}"
    )


def _check_same(run: runs.Run, parent: Parent | None, job: Job) -> None:
    """Refuse to go on with a training that began otherwise."""
    loop.check_parent(run, parent.name if parent else None, "begin anew with --force")
    if parent is None and run.config_name != job.config_name:
        raise UserError(
            f"{run.folder}: was begun with --config {run.config_name}; go on with that, or begin anew with --force"
        )
