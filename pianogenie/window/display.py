"""Opens the window: SDL's settings, and what to say where there is no display."""

from __future__ import annotations

import contextlib
import ctypes
import locale
import os
import sys
from collections.abc import Callable, Iterator

import pygame

from pianogenie.crashes import leave_crashes_alone
from pianogenie.errors import UserError
from pianogenie.stderr import silent_stderr
from pianogenie.window.colours import tints
from pianogenie.window.layout import MIN_HEIGHT, MIN_WIDTH
from pianogenie.window.sprites import Plate, distance, filled

_SETTINGS = {
    # Show rectangles of the window from plain memory. SDL would put a texture in between, which without a graphics
    # card costs a whole window's worth of copying for each slice: 3 ms instead of 0.13 ms at 1280 x 720.
    "SDL_FRAMEBUFFER_ACCELERATION": "0",
    # Real pixels on Windows rather than ones blown up by the system.
    "SDL_WINDOWS_DPI_AWARENESS": "permonitorv2",
    # A finger is a finger, the mouse is the mouse.
    "SDL_TOUCH_MOUSE_EVENTS": "0",
    "SDL_MOUSE_TOUCH_EVENTS": "0",
    # The first click into the window already plays.
    "SDL_MOUSE_FOCUS_CLICKTHROUGH": "1",
    # A note does not switch the compositor off and on.
    "SDL_VIDEO_X11_NET_WM_BYPASS_COMPOSITOR": "0",
    "SDL_VIDEO_ALLOW_SCREENSAVER": "0",
    # Signals are ours: SDL would make SIGTERM an event that nobody reads where there is no window yet.
    "SDL_NO_SIGNAL_HANDLERS": "1",
    "PYGAME_HIDE_SUPPORT_PROMPT": "1",
}


def has_display() -> bool:
    """Whether a window can be opened here that a person sees."""
    return _display_fault() is None


def _display_fault() -> str | None:
    """Start SDL's display; what is wrong with it in a line, or None."""
    for name, value in _SETTINGS.items():
        os.environ.setdefault(name, value)
    # What desktops (and tools such as xdotool) know the window by; pygame has put the script's name there.
    os.environ["SDL_VIDEO_X11_WMCLASS"] = os.environ["SDL_VIDEO_WAYLAND_WMCLASS"] = "pianogenie"
    try:
        with silent_stderr():  # Wayland's library complains there where X11 does, or nothing is
            pygame.display.init()
    except pygame.error as error:
        return str(error)
    leave_crashes_alone()
    driver = pygame.display.get_driver()
    # SDL's last resort is a display in memory, which nobody sees: only for those who asked for it.
    if driver in ("offscreen", "dummy") and driver not in os.environ.get("SDL_VIDEODRIVER", ""):
        pygame.display.quit()
        return "there is none"
    return None


def open_window(title: str, size: tuple[int, int]) -> pygame.Surface:
    """Open a window that can be resized.

    Args:
        title: of the window.
        size: wished for, in pixels; a smaller screen gets a smaller window.

    Raises:
        UserError: there is no display, or it cannot be used.
    """
    fault = _display_fault()
    if fault is not None:
        raise UserError(f"no display to open a window on ({fault}); --terminal plays without one")
    try:
        pygame.display.set_icon(icon())
        with _plain_locale():
            pygame.display.set_caption(title)
            screen = pygame.display.set_mode(_fitting(size), pygame.RESIZABLE)
    except pygame.error as error:
        pygame.display.quit()
        raise UserError(f"cannot open a window: {error}; --terminal plays without one") from error
    pygame.Window.from_display_module().minimum_size = (MIN_WIDTH, MIN_HEIGHT)
    # Otherwise an input method may look at each key first.
    pygame.key.stop_text_input()
    screen.fill((8, 9, 11))
    pygame.display.flip()
    _give_back(screen)
    return screen


_x11_handlers: list[object] = []
"""What Xlib holds on to must not be collected."""


def tell_when_lost(tell: Callable[[], None]) -> None:
    """Have `tell` called when the X server goes away.

    Xlib would end the process on the spot, with notes sounding and the recording unwritten. With these handlers
    it goes on, and its calls do nothing; that takes libX11 1.7 (2020). Other systems send an ordinary QUIT.
    """
    if pygame.display.get_driver() != "x11":
        return
    try:
        xlib = ctypes.CDLL("libX11.so.6")  # the name by which SDL has loaded it
        set_exit_handler = xlib.XSetIOErrorExitHandler
    except (OSError, AttributeError):
        return
    set_exit_handler.argtypes = [ctypes.c_void_p] * 3

    @ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)
    def broken(_display: int) -> int:
        tell()
        return 0

    @ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)
    def stay(_display: int, _data: int) -> None:
        pass

    _x11_handlers[:] = [broken, stay]
    xlib.XSetIOErrorHandler(broken)
    set_exit_handler(_x11_display(), ctypes.cast(stay, ctypes.c_void_p), None)


def x11_window() -> int:
    """The open window's number on the X server; 0 on another display."""
    return pygame.display.get_wm_info()["window"] if pygame.display.get_driver() == "x11" else 0


_MADV_REMOVE = 9


def _give_back(screen: pygame.Surface) -> None:
    """Give the system what a window's surface takes (4 MB), until something is drawn on it again; it turns black.

    Where the painter shows its pictures itself nothing ever is. It is Linux that can do that, to memory shared with the
    X server, and refuses it for any other.
    """
    if sys.platform.startswith("linux") and pygame.display.get_driver() == "x11":
        madvise = ctypes.CDLL(None).madvise
        madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
        madvise(screen._pixels_address, screen.get_pitch() * screen.get_height(), _MADV_REMOVE)


def display_fileno() -> int | None:
    """What `EventWaiter` takes: the file on which an open window's events arrive, or None if it is not known."""
    driver = pygame.display.get_driver()
    if driver == "x11":
        try:
            number_of = ctypes.CDLL("libX11.so.6").XConnectionNumber
        except (OSError, AttributeError):
            return None
        number_of.argtypes = [ctypes.c_void_p]
        return number_of(_x11_display())
    return -1 if driver in ("dummy", "offscreen") else None


def _x11_display() -> int:
    """The address of Xlib's Display."""
    capsule = pygame.display.get_wm_info()["display"]
    name, pointer = ctypes.pythonapi.PyCapsule_GetName, ctypes.pythonapi.PyCapsule_GetPointer
    name.argtypes, name.restype = [ctypes.py_object], ctypes.c_char_p
    pointer.argtypes, pointer.restype = [ctypes.py_object, ctypes.c_char_p], ctypes.c_void_p
    return pointer(capsule, name(capsule))


@contextlib.contextmanager
def _plain_locale() -> Iterator[None]:
    """Without this, in the locale C.UTF-8, X11's library gives the title a type that few programs can read."""
    before = locale.setlocale(locale.LC_CTYPE)
    if before.upper() in ("C.UTF-8", "C.UTF8"):
        locale.setlocale(locale.LC_CTYPE, "C")
    try:
        yield
    finally:
        locale.setlocale(locale.LC_CTYPE, before)


def _fitting(size: tuple[int, int]) -> tuple[int, int]:
    """The size, or what of it the desktop has room for with a frame and a bar around."""
    sizes = pygame.display.get_desktop_sizes()
    if not sizes:
        return size
    width, height = sizes[0]
    if size[0] <= width and size[1] <= height:
        return size
    return max(MIN_WIDTH, min(size[0], round(width * 0.95))), max(MIN_HEIGHT, min(size[1], round(height * 0.88)))


def icon(size: int = 64) -> pygame.Surface:
    """The window's icon: ribbons in four of the buttons' colours."""
    plate = Plate(size, size)
    body = distance(size, size, (1, 1, size - 2, size - 2), 0.22 * size)
    plate.over((0.07, 0.075, 0.09), filled(body))
    colours = tints(4)
    for i, tint in enumerate(colours):
        x = (0.125 + 0.2 * i) * size
        height = (0.30, 0.52, 0.40, 0.24)[i] * size
        bar = distance(size, size, (x, 0.84 * size - height, 0.15 * size, height), 0.06 * size)
        plate.over(tint.lit, filled(bar))
    return plate.surface()
