"""The window's loop: an event goes straight to the hands; pictures are shown in the time between.

It runs on the main thread, as SDL wants. Nothing is painted here (`painter`). On X11 the painter shows its pictures
itself; elsewhere they are shown here in slices of 0.3 ms (`presenter`). So no event waits longer than that for the
window's sake.
"""

from __future__ import annotations

import atexit
import time
from collections.abc import Callable

import pygame

from pianogenie.errors import UserError
from pianogenie.inputs.gamepads import EVENTS as _GAMEPAD_EVENTS
from pianogenie.inputs.gamepads import Gamepads
from pianogenie.inputs.hands import Hands
from pianogenie.inputs.keyboard import Keyboard
from pianogenie.inputs.waiting import EventWaiter, arrived
from pianogenie.quiet import Quiet
from pianogenie.window.display import display_fileno, open_window, tell_when_lost, x11_window
from pianogenie.window.frames import Frames
from pianogenie.window.layout import lay_out
from pianogenie.window.painter_process import PainterProcess
from pianogenie.window.pointers import Pointers
from pianogenie.window.presenter import Presenter
from pianogenie.window.stage import Stage, StageOutput

_LIVELY_WAIT_MS = 2
"""How long to sleep between looks for a new picture while pictures come; an event ends any wait at once."""
_IDLE_WAIT_MS = 15
_LIVELY_FOR_S = 0.25
_RESIZE_SETTLES_S = 0.08
_STATUS_EVERY_S = 0.1

_ENDS = (pygame.QUIT, pygame.WINDOWCLOSE)
_LOSES_HANDS = (pygame.WINDOWFOCUSLOST, pygame.WINDOWMINIMIZED, pygame.WINDOWHIDDEN)
_WINDOW_EVENTS = (
    *_ENDS,
    *_LOSES_HANDS,
    pygame.WINDOWEXPOSED,
    pygame.WINDOWSHOWN,
    pygame.WINDOWRESTORED,
    pygame.WINDOWSIZECHANGED,
    pygame.VIDEOEXPOSE,
)
_PLAY_EVENTS = (
    pygame.KEYDOWN,
    pygame.KEYUP,
    pygame.MOUSEBUTTONDOWN,
    pygame.MOUSEBUTTONUP,
    pygame.MOUSEMOTION,
    pygame.FINGERDOWN,
    pygame.FINGERUP,
    pygame.FINGERMOTION,
)


def run_window(
    hands: Hands,
    stage_or_output: Stage | StageOutput,
    *,
    num_buttons: int,
    title: str = "Pianogenie",
    status: Callable[[], str] | str = "",
    should_stop: Callable[[], bool] = lambda: False,
    size: tuple[int, int] = (1280, 720),
    gamepads: Gamepads | None = None,
) -> None:
    """Open the window and play, until the person closes it or presses Esc, or `should_stop` turns true.

    Args:
        hands: get every press, release and pedal, on this thread, the moment it arrives.
        stage_or_output: what is drawn; its stage must come from `Stage.create`. The caller closes it afterwards.
        num_buttons: how many buttons there are.
        status: the status line, or a function that says what it is now (asked some times a second).
        should_stop: asked at least every 15 ms.
        size: of the window at first, in pixels.
        gamepads: play on this loop as well, whichever window has the focus.

    All hands are up when it returns, also by an exception.

    Raises:
        UserError: there is no display, it cannot be used, or it went away.
    """
    stage = stage_or_output.stage if isinstance(stage_or_output, StageOutput) else stage_or_output
    screen = open_window(title, size)
    window = _Window(hands, stage, num_buttons, screen, status if callable(status) else lambda: status, gamepads)
    tell_when_lost(window.lose)
    try:
        window.start()
        with Quiet() as quiet:
            window.run(should_stop, quiet)
    finally:
        hands.all_up()
        window.close()
        if window.lost:
            atexit.unregister(pygame.quit)  # SDL would wait for ever for a server that is gone
        else:
            pygame.display.quit()


class _Window:
    """An open window and the picture in it."""

    def __init__(
        self,
        hands: Hands,
        stage: Stage,
        num_buttons: int,
        screen: pygame.Surface,
        status: Callable[[], str],
        gamepads: Gamepads | None,
    ):
        self._hands = hands
        self._stage = stage
        self._num_buttons = num_buttons
        self._status = status
        self._frames: Frames | None = None
        self._presenter = Presenter(screen)
        self._keyboard = Keyboard(hands, num_buttons)
        self._pointers = Pointers(hands, lay_out(*screen.get_size(), num_buttons))
        self._gamepads = gamepads
        self._wait = EventWaiter(display_fileno())
        self._painter = PainterProcess(stage)
        self._seen_changes = -1
        self._lively_until = 0.0
        self._status_at = 0.0
        self._resize_at: float | None = None
        self.lost = False

    def start(self) -> None:
        """Start the painter and the gamepads."""
        self._stage.x11_window = x11_window()
        self._painter.start(time.perf_counter())
        self._new_frames()
        pygame.event.set_blocked(None)
        pygame.event.set_allowed((*_WINDOW_EVENTS, *_PLAY_EVENTS, *_GAMEPAD_EVENTS))
        if self._gamepads is not None:
            self._gamepads.start(self._wait)

    def run(self, should_stop: Callable[[], bool], quiet: Quiet) -> None:
        """Handle events until the end."""
        wait_ms = 0
        while not should_stop():
            if self.lost:
                raise UserError("the display went away")
            if wait_ms:
                self._wait(wait_ms)
            for event in arrived(self._hands):
                if not self._take(event):
                    return
            if self._presenter.step():
                # More slices may be due; only look for events between them, do not wait for any.
                wait_ms = 0
                continue
            wait_ms = self._look_after_things(quiet)

    def lose(self) -> None:
        """The display went away: leave as soon as Xlib returns, and do not touch it again."""
        self.lost = True

    def close(self) -> None:
        """End the painter, let go of the gamepads and of the picture."""
        if self._gamepads is not None:
            self._gamepads.close()
        self._wait.close()
        self._painter.stop()
        self._presenter.use(None)
        if self._frames is not None:
            self._frames.close()
            self._frames = None

    def _take(self, event: pygame.event.Event) -> bool:
        """Act on one event. False when it ends the window."""
        kind = event.type
        if kind == pygame.KEYDOWN and event.key == pygame.K_ESCAPE:
            return False
        if self._keyboard.take(event) or self._pointers.take(event):
            return True
        if kind in _GAMEPAD_EVENTS:
            if self._gamepads is not None:
                self._gamepads.take(event)
        elif kind in _ENDS:
            return False
        elif kind in _LOSES_HANDS:
            # Gamepads and MIDI play on.
            self._keyboard.forget()
            self._pointers.forget()
        elif kind == pygame.WINDOWSIZECHANGED:
            self._resize_at = time.perf_counter() + _RESIZE_SETTLES_S
        elif kind not in _PLAY_EVENTS:  # a key or a click that is none of ours changes nothing
            self._show_again()
        return True

    def _look_after_things(self, quiet: Quiet) -> int:
        """What can wait until there is neither an event nor a slice. Returns how many ms to wait for the next."""
        now = time.perf_counter()
        if self._resize_at is not None and now >= self._resize_at:
            self._resize_at = None
            self._new_frames()
        if now >= self._status_at:
            self._status_at = now + _STATUS_EVERY_S
            self._stage.status = self._status()
            self._painter.watch(now)
        changes = self._stage.changes
        if changes != self._seen_changes or self._presenter.showed_something():
            self._seen_changes = changes
            self._lively_until = now + _LIVELY_FOR_S
        if now < self._lively_until or self._resize_at is not None:
            return _IDLE_WAIT_MS if self._stage.painter_shows else _LIVELY_WAIT_MS
        quiet.rest(now, now - self._hands.idle_s())
        return _IDLE_WAIT_MS

    def _show_again(self) -> None:
        """The window lost what it held."""
        if self._stage.painter_shows:
            self._stage.uncover()
        else:
            self._presenter.refresh()

    def _new_frames(self) -> None:
        """Ask for pictures of the window's present size; until the first comes, the old one stays where it was."""
        screen = pygame.display.get_surface()
        width, height = screen.get_size()
        old = self._frames
        if old is not None and old.whole[2:] == (width, height):
            self._show_again()
            return
        self._frames = Frames.create(width, height)
        if old is not None and not self._stage.painter_shows:
            screen.fill((8, 9, 11))
            if old.ever_published:
                screen.blit(old.surface, (0, 0))
            pygame.display.update()
        self._presenter.screen = screen
        self._presenter.use(self._frames)
        self._stage.show_frames(self._frames.shared_name, width, height)
        self._pointers.layout = lay_out(width, height, self._num_buttons)
        if old is not None:
            old.close()
