"""`pianogenie recover`: recordings of sessions that were killed, out of the journals that they left."""

import contextlib
import os
import subprocess
import sys
from pathlib import Path

import click

from pianogenie.announcing import notice
from pianogenie.cli.options import config_option
from pianogenie.errors import UserError
from pianogenie.outputs import recorder
from pianogenie.outputs.journal import left_behind
from pianogenie.paths import recordings_dir
from pianogenie.session import signals_raise
from pianogenie.settings import Settings


@click.command()
@click.argument("folder", type=click.Path(file_okay=False), required=False)
@config_option
@click.pass_obj
@signals_raise()
def recover(settings: Settings, folder: str | None) -> None:
    """Turn journals that killed sessions left in FOLDER (where sessions are recorded) into recordings.

    `play` does this by itself when it starts.
    """
    with contextlib.suppress(OSError, AttributeError):
        os.nice(10)  # somebody may be playing beside it
    place = recordings_folder(folder or settings.play.record_dir)
    recovered, lost = [], []
    for journal in left_behind(place):
        try:
            recovered += recorder.recover(journal)
        except UserError as error:
            lost.append(str(error))
    if recovered:
        names = ", ".join(str(path) for path in recovered if path.suffix == ".mid")
        notice(f"recovered what was played in sessions that were cut short: {names}")
    if lost:
        raise UserError("; ".join(lost))


def recordings_folder(given: str | None) -> Path:
    """The folder given, or the one where sessions are recorded unless told otherwise."""
    return Path(given).expanduser() if given else recordings_dir()


def recover_beside(folder: Path) -> None:
    """Have another process recover what was left behind in a folder, if anything was: a player must not wait."""
    if left_behind(folder):
        command = [sys.executable, "-m", "pianogenie", "recover", str(folder)]
        with contextlib.suppress(OSError):
            subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
