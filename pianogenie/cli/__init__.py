"""The command line. Each command is a file here; it is imported when it is called for, so that playing
starts without waiting for what only rendering or training needs."""

import importlib
import os
import signal
import sys

import click

from pianogenie import __version__
from pianogenie.errors import UserError

_COMMANDS = {
    "play": "pianogenie.cli.play:play",
    "demo": "pianogenie.cli.play:demo",
    "render": "pianogenie.cli.render:render",
    "devices": "pianogenie.cli.info:devices",
    "map": "pianogenie.cli.mapping:map_",
    "recover": "pianogenie.cli.recover:recover",
    "config": "pianogenie.cli.config:config",
    "models": "pianogenie.cli.models:models",
    "bench": "pianogenie.cli.bench:bench",
    "train": "pianogenie.cli.train:train",
}


class _LazyGroup(click.Group):
    def list_commands(self, _context: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, _context: click.Context, name: str) -> click.Command | None:
        if name not in _COMMANDS:
            return None
        module, attribute = _COMMANDS[name].split(":")
        command = getattr(importlib.import_module(module), attribute)
        if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        return command


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="pianogenie")
def cli() -> None:
    """An instrument: eight buttons in, a whole piano out."""


def main() -> None:
    """The command `pianogenie`: what is the person's to put right is one line and exit status 2."""
    os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        # Until its command is imported there is nothing to undo, and an import must not be interrupted in the middle:
        # libraries take that for a fault of theirs.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a name that cannot be shown, of a file or on this terminal, is no fault
            stream.reconfigure(errors="backslashreplace")
    try:
        cli()
    except UserError as error:
        print(f"pianogenie: {error}", file=sys.stderr)
        sys.exit(2)
