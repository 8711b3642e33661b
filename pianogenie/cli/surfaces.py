"""Where a person plays: a window, a terminal, or nowhere at all (a demo that is only listened to)."""

import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from pianogenie.announcing import notice
from pianogenie.errors import UserError
from pianogenie.outputs.base import Output
from pianogenie.quiet import Quiet
from pianogenie.session import Session

if TYPE_CHECKING:
    from pianogenie.inputs.gamepads import Gamepads


class Listen:
    """No surface: waits until the session is asked to stop."""

    def __init__(self, num_buttons: int):
        self.outputs: list[Output] = []

    def run(self, session: Session, status: Callable[[], str]) -> None:
        """Wait."""
        print(status(), file=sys.stderr)
        with Quiet() as quiet:
            while not session.should_stop():
                time.sleep(0.05)
                now = time.perf_counter()
                quiet.rest(now, now - session.hands.idle_s())

    def close(self) -> None:
        """Nothing is open."""


class Headless(Listen):
    """No surface: input devices play, until a signal asks for the end."""

    def run(self, session: Session, status: Callable[[], str]) -> None:
        """Wait, and say what it waits for."""
        inputs = ", ".join(device.name for device in session.inputs)  # a gamepad may be plugged in at any time
        print(f"pianogenie: plays from {inputs}; ends at a signal (Ctrl-C, systemctl stop)", file=sys.stderr)
        super().run(session, status)


class Terminal:
    """Typed keys and a line that says what sounds."""

    def __init__(self, num_buttons: int):
        from pianogenie.inputs.terminal import TerminalView

        self._view = TerminalView(num_buttons)
        self.outputs: list[Output] = [self._view]

    def run(self, session: Session, status: Callable[[], str]) -> None:
        """Play until Esc."""
        from pianogenie.inputs.terminal import lent_back, run_terminal, tell_above

        session.while_suspended = lent_back()
        session.announcements.tell = tell_above(self._view)
        try:
            run_terminal(session.hands, self._view, status(), session.should_stop)
        finally:
            session.announcements.tell = notice

    def close(self) -> None:
        """The terminal is as it was already."""


class Window:
    """The window. Raises UserError where no display can be opened."""

    def __init__(self, num_buttons: int):
        from pianogenie.window.stage import Stage, StageOutput

        self._num_buttons = num_buttons
        self._stage = StageOutput(Stage.create(num_buttons))
        self.gamepads: Gamepads | None = None  # play on the window's loop, where SDL's events come in
        self.outputs: list[Output] = [self._stage]

    def run(self, session: Session, status: Callable[[], str]) -> None:
        """Play until Esc or until the window is closed."""
        from pianogenie.window.window import run_window

        run_window(
            session.hands,
            self._stage,
            num_buttons=self._num_buttons,
            title="Pianogenie",
            status=status,
            should_stop=session.should_stop,
            gamepads=self.gamepads,
        )

    def close(self) -> None:
        """Let go of the stage, once the session has no more to say to it."""
        self._stage.stage.close()


Surface = Listen | Headless | Terminal | Window


def choose_surface(terminal: bool) -> type[Surface] | None:
    """The window where there is a display, else the terminal where there is one, else None.

    Raises UserError if the terminal was asked for and there is none.
    """
    # Both ways: what cannot be drawn to is not listened to either.
    is_terminal = all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stdout))
    if terminal:
        if not is_terminal:
            raise UserError("--terminal: standard input and output are not a terminal; start it from one")
        return Terminal
    from pianogenie.window.display import has_display  # imports pygame, which a terminal can do without

    if has_display():
        return Window
    return Terminal if is_terminal else None
