"""`python -m pianogenie_train`: the trainer's commands, without the rest of `pianogenie`."""

import sys

import click

from pianogenie.errors import UserError
from pianogenie_train.cli import train


def main() -> None:
    """Run the commands; a UserError is one line and exit status 2."""
    try:
        sys.exit(train.main(prog_name="pianogenie train", standalone_mode=False) or 0)
    except UserError as error:
        print(f"pianogenie: {error}", file=sys.stderr)
        sys.exit(2)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except (click.Abort, KeyboardInterrupt):
        print("pianogenie: stopped", file=sys.stderr)
        sys.exit(130)


if __name__ == "__main__":
    main()
