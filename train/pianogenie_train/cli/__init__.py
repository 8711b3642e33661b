"""The trainer's commands, a file each: `pianogenie train new | prepare | fit | eval | export | report | bench`.

Each imports what it needs when it runs, so that `--help` answers at once and works without torch.
"""

import click

from pianogenie_train.cli.bench import bench
from pianogenie_train.cli.evaluate import evaluate
from pianogenie_train.cli.export import export
from pianogenie_train.cli.fit import fit
from pianogenie_train.cli.new import new
from pianogenie_train.cli.prepare import prepare
from pianogenie_train.cli.report import report


@click.group()
def train() -> None:
    """Teach a genie from MIDI files: new does it in one go; prepare, fit, eval and export are its steps."""


for command in (new, prepare, fit, evaluate, export, report, bench):
    train.add_command(command)
