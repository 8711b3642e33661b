"""What several commands share: the command as a record keeps it, and bars of progress."""

import shlex

import click
from click.core import ParameterSource


def command_line(context: click.Context) -> str:
    """The command as it can be typed again, for the records that a run and a model keep."""
    words = ["pianogenie", "train", str(context.command.name)]  # however it was started
    options: list[str] = []
    for parameter in context.command.params:
        if context.get_parameter_source(parameter.name) is not ParameterSource.COMMANDLINE:
            continue
        value = context.params[parameter.name]
        values = list(value) if isinstance(value, tuple) else [value]
        if isinstance(parameter, click.Argument):
            words += [str(v) for v in values]
        elif getattr(parameter, "is_flag", False):
            options.append(parameter.opts[0] if value else parameter.secondary_opts[0])
        else:
            options += [word for v in values for word in (parameter.opts[0], str(v))]
    return shlex.join(words + options)


def bar_over_files(files: list):
    """A progress bar over files on standard error: a context manager to loop over."""
    return click.progressbar(files, label="Reading", show_pos=True, file=click.get_text_stream("stderr"))


def bar_over_batches(batches, count: int):
    """Wrap an iterator of batches in a progress bar on standard error."""
    with click.progressbar(batches, length=count, label="Scoring", file=click.get_text_stream("stderr")) as bar:
        yield from bar
