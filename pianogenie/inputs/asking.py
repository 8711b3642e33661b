"""Teaching the instrument a controller: it asks for one thing after another, and the person presses it."""

from typing import Protocol

OR_LEAVE_OUT = "; Enter leaves it out"
NO_MORE = "; Enter: no more buttons"


class Cancelled(Exception):
    """The person has had enough; nothing is to be kept."""


class Person(Protocol):
    """Who is asked."""

    def say(self, text: str) -> None:
        """Show a line."""

    def answer(self) -> str | None:
        """Wait some hundredths of a second: 'skip', 'cancel' or None, if nothing was said."""


def question(button: int, num_buttons: int) -> str:
    """What to ask for a button (0-based)."""
    place = {0: ", the lowest", num_buttons - 1: ", the highest"}.get(button, "")
    return f"button {button + 1} of {num_buttons}{place}{NO_MORE if button else ''}"
