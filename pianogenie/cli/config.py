"""`pianogenie config`: where the settings are, what counts, and why."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import click

from pianogenie.cli.options import OPTION_OF, from_command_line, genie_options, input_options, output_options, use
from pianogenie.settings import Origin, create, load, toml


def _no_file_needed(context: click.Context, _parameter: click.Parameter, path: str | None) -> Origin:
    settings, origin = load(path)
    use(context, settings, origin)
    return origin


@click.command()
@click.option("--create", "creating", is_flag=True, help="Write a file in which every setting is explained.")
@click.option(
    "--config",
    "origin",
    type=click.Path(dir_okay=False),
    metavar="FILE",
    is_eager=True,
    callback=_no_file_needed,
    help="Another file than the platform's, or than $PIANOGENIE_CONFIG.",
)
@genie_options(with_config=False)
@input_options
@output_options
@click.pass_context
def config(context: click.Context, creating: bool, origin: Origin, **options) -> None:
    """Show the settings file's place and every setting that counts, with where it comes from.

    Takes the options of `play`, to see what they would change.
    """
    if creating:
        click.echo(f"wrote {create(origin.path)}")
        return
    there = "" if origin.path.exists() else "  # not there; `pianogenie config --create` makes it"
    click.echo(f"{origin.path}{there}")
    for field in dataclasses.fields(context.obj):
        value = getattr(context.obj, field.name)
        tables = {(field.name,): value} if dataclasses.is_dataclass(value) else _named(field.name, value)
        for path, table in tables.items():
            click.echo("\n" + click.style("[" + ".".join(map(_key, path)) + "]", bold=True))
            for line, source in _lines(context, origin, path, table, options):
                click.echo(f"{line:42} # {source}")


def _named(name: str, tables: dict[str, Any]) -> dict[tuple[str, ...], Any]:
    return {(name, each): table for each, table in tables.items()}


def _lines(
    context: click.Context, origin: Origin, path: tuple[str, ...], table: Any, options: dict[str, Any]
) -> Iterator[tuple[str, str]]:
    """Each entry as TOML writes it, and where its value comes from."""
    for field in dataclasses.fields(table):
        value = getattr(table, field.name)
        source = f"line {origin.line(path, field.name)}" if origin.has(path, field.name) else "default"
        option = OPTION_OF.get(field.name, field.name)
        if path == ("play",) and option in options and from_command_line(context, option):
            value, source = options[option], f"option --{option.replace('_', '-')}"
            if option != field.name:
                value = not value
            elif not isinstance(value, bool | int | float | tuple | None):
                value = str(value)
        if value is None or value == {}:
            yield f"# {field.name} is not given", source
        else:
            yield f"{field.name} = {toml(value)}", source


def _key(name: str) -> str:
    return toml(name) if not name.replace("_", "").isalnum() else name
