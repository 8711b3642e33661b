"""The painter's own way into the window on X11: a second connection to the X server, which only ever brings pixels.

Whoever shows a picture waits for the X server, and that may wait for a core. On a connection of its own the painter
waits, not the thread that takes events. An X window may be drawn into by any client of its server; everything else
about it (events, size, title) stays with the process that opened it.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Sequence
from ctypes import POINTER, Structure, c_char_p, c_int, c_uint, c_ulong, c_void_p

import pygame

from pianogenie.window.layout import Box
from pianogenie.window.sprites import opaque

_Z_PIXMAP = 2
_LSB_FIRST, _MSB_FIRST = 0, 1
_NORTH_WEST = 1
_CW_BACK_PIXEL, _CW_BIT_GRAVITY = 1 << 1, 1 << 4
_DISCARD_EVENTS = 1
_PAD_BITS = 32
_RED, _GREEN, _BLUE = 0xFF0000, 0xFF00, 0xFF


class X11Window:
    """A window that another process has opened, to draw into.

    Args:
        number: the window's, on the server that DISPLAY names.
        background: red, green and blue of what no picture covers yet, as while the window grows.

    Raises:
        OSError: Xlib or the server cannot be reached, there is no such window, or its pixels are not 32 bits of
            blue, green, red and nothing.
    """

    def __init__(self, number: int, background: tuple[int, int, int] = (8, 9, 11)):
        self._xlib = _xlib()
        self._window = number
        self._image: POINTER(_Image) | None = None
        self._canvas: pygame.Surface | None = None
        self._display = self._xlib.XOpenDisplay(None)
        if not self._display:
            raise OSError("no connection to the X server")
        try:
            self._visual, self._depth = self._pixel_format()
            self._wrap(opaque(1, 1))  # to see whether it can be done
            red, green, blue = background
            # What the window held stays where it was when its size changes; only what is new is bare.
            attributes = _SetAttributes(background_pixel=red << 16 | green << 8 | blue, bit_gravity=_NORTH_WEST)
            self._xlib.XChangeWindowAttributes(
                self._display, number, _CW_BACK_PIXEL | _CW_BIT_GRAVITY, ctypes.byref(attributes)
            )
            self._pen = self._xlib.XCreateGC(self._display, number, 0, None)
        except OSError:
            self.close()
            raise

    def show(self, canvas: pygame.Surface, changed: Sequence[Box]) -> None:
        """Bring these rectangles of a canvas (`sprites.opaque`) into the window; returns when they are there."""
        if canvas is not self._canvas:
            self._wrap(canvas)
        for x, y, width, height in changed:
            self._xlib.XPutImage(self._display, self._window, self._pen, self._image, x, y, x, y, width, height)
        self._xlib.XSync(self._display, _DISCARD_EVENTS)  # no event was asked for; some come to everybody

    def close(self) -> None:
        """Let go of the server; the window stays. May be called again."""
        self._unwrap()
        if self._display:
            self._xlib.XCloseDisplay(self._display)
            self._display = None

    def _pixel_format(self) -> tuple[int, int]:
        """The window's visual and depth, if its pixels are as ours."""
        attributes = _Attributes()
        if not self._xlib.XGetWindowAttributes(self._display, self._window, ctypes.byref(attributes)):
            raise OSError("no such window")
        visual = attributes.visual.contents
        # Were there alpha, ours would be nothing and the window not seen.
        if attributes.depth != 24 or (visual.red_mask, visual.green_mask, visual.blue_mask) != (_RED, _GREEN, _BLUE):
            raise OSError("other colours")
        return ctypes.cast(attributes.visual, c_void_p).value, attributes.depth

    def _wrap(self, canvas: pygame.Surface) -> None:
        """Have Xlib see the canvas's own pixels as an image."""
        self._unwrap()
        if canvas.get_masks()[:3] != (_RED, _GREEN, _BLUE):
            raise ValueError("a canvas with other colours")
        pixels, pitch = canvas._pixels_address, canvas.get_pitch()
        image = self._xlib.XCreateImage(
            self._display, self._visual, self._depth, _Z_PIXMAP, 0, pixels, *canvas.get_size(), _PAD_BITS, pitch
        )
        if not image or image.contents.bits_per_pixel != 32:
            raise OSError("not 32 bits a pixel")
        image.contents.byte_order = _LSB_FIRST if sys.byteorder == "little" else _MSB_FIRST
        self._image, self._canvas = image, canvas

    def _unwrap(self) -> None:
        if self._image is not None:
            self._xlib.XFree(self._image)  # the image alone: the pixels are the canvas's
            self._image = self._canvas = None


class _Visual(Structure):
    _fields_ = [
        ("ext_data", c_void_p),
        ("visualid", c_ulong),
        ("class_", c_int),
        ("red_mask", c_ulong),
        ("green_mask", c_ulong),
        ("blue_mask", c_ulong),
    ]  # and more


class _Attributes(Structure):
    """Xlib's XWindowAttributes."""

    _fields_ = [
        ("x", c_int),
        ("y", c_int),
        ("width", c_int),
        ("height", c_int),
        ("border_width", c_int),
        ("depth", c_int),
        ("visual", POINTER(_Visual)),
        ("rest", c_ulong * 32),  # of which it has fewer
    ]


class _SetAttributes(Structure):
    """Xlib's XSetWindowAttributes."""

    _fields_ = [
        ("background_pixmap", c_ulong),
        ("background_pixel", c_ulong),
        ("border_pixmap", c_ulong),
        ("border_pixel", c_ulong),
        ("bit_gravity", c_int),
        ("rest", c_ulong * 16),  # of which it has fewer
    ]


class _Image(Structure):
    """Xlib's XImage."""

    _fields_ = [
        ("width", c_int),
        ("height", c_int),
        ("xoffset", c_int),
        ("format", c_int),
        ("data", c_void_p),
        ("byte_order", c_int),
        ("bitmap_unit", c_int),
        ("bitmap_bit_order", c_int),
        ("bitmap_pad", c_int),
        ("depth", c_int),
        ("bytes_per_line", c_int),
        ("bits_per_pixel", c_int),
    ]  # and more


@ctypes.CFUNCTYPE(c_int, c_void_p, c_void_p)
def _no_matter(_display: int, _error: int) -> int:
    """A request failed. Xlib would end the process; but the window closes before the painter knows."""
    return 0


@ctypes.CFUNCTYPE(c_int, c_void_p)
def _leave(_display: int) -> int:
    """The server is gone, and Xlib would end the process now, with a line on standard error that tells nobody more."""
    os._exit(0)


def _xlib() -> ctypes.CDLL:
    """Xlib, as far as it is used here. Raises OSError without it."""
    xlib = ctypes.CDLL("libX11.so.6")  # the name by which SDL has loaded it in the window's process
    display, drawable, image = c_void_p, c_ulong, POINTER(_Image)
    for name, result, *arguments in (
        ("XOpenDisplay", display, c_char_p),
        ("XCloseDisplay", c_int, display),
        ("XGetWindowAttributes", c_int, display, drawable, POINTER(_Attributes)),
        ("XChangeWindowAttributes", c_int, display, drawable, c_ulong, POINTER(_SetAttributes)),
        ("XCreateGC", c_void_p, display, drawable, c_ulong, c_void_p),
        (
            "XCreateImage",
            POINTER(_Image),
            display,
            c_void_p,
            c_uint,
            c_int,
            c_int,
            c_void_p,
            *[c_uint] * 2,
            *[c_int] * 2,
        ),
        ("XPutImage", c_int, display, drawable, c_void_p, image, c_int, c_int, c_int, c_int, c_uint, c_uint),
        ("XFree", c_int, c_void_p),
        ("XSync", c_int, display, c_int),
    ):
        function = getattr(xlib, name)
        function.restype, function.argtypes = result, arguments
    xlib.XSetErrorHandler(_no_matter)
    xlib.XSetIOErrorHandler(_leave)
    return xlib
