"""Charts as inline SVG, in the colours of the page's style sheet, so that they follow light and dark.

Each function gives a whole <svg>; what is drawn has a <title>, which browsers show to a resting pointer.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from pianogenie.keys import NUM_KEYS, is_black, name_of, pitch_of
from pianogenie.window.colours import bytes_of, tints
from pianogenie_train.page.curves import Curve

WIDTH = 960
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 8, 10, 26
_HEADROOM = 1.5
_MOST_DOTS = 100
_PPL_TICKS = (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10, 15, 20, 30, 50, 88, 150, 300, 1000, 10_000)


@dataclass(frozen=True)
class Line:
    """A curve of a chart: its name, its points and the style sheet's class for it."""

    name: str
    points: Curve
    style: str


def button_colours(num_buttons: int) -> list[str]:
    """Each button's colour, as in the instrument's window."""
    return ["#{:02x}{:02x}{:02x}".format(*bytes_of(tint.lit)) for tint in tints(num_buttons)]


def learning(lines: Sequence[Line], level: tuple[str, float] | None = None) -> Markup:
    """Perplexities over steps, the vertical scale logarithmic and made for the last line.

    `level` is a name and a value to compare with.
    """
    height = 300
    # How it stood at the very beginning is left out, above: it would press the rest flat.
    main = [value for _, value in lines[-1].points]
    top = _HEADROOM * max([*main, level[1] if level else 0.0]) if main else math.inf
    points = [(s, v) for line in lines for s, v in line.points if v <= top]
    if not points:
        return Markup("")
    last = max(max(step for step, _ in points), 1)
    values = [value for _, value in points] + ([level[1]] if level else [])
    low, high = math.log(min(values) * 0.95), math.log(max(values) * 1.05)

    def x(step: float) -> float:
        return _LEFT + step / last * (WIDTH - _LEFT - _RIGHT)

    def y(value: float) -> float:
        return _TOP + (high - math.log(value)) / (high - low) * (height - _TOP - _BOTTOM)

    parts = [_grid(y(t), f"{t:g}") for t in _PPL_TICKS if low <= math.log(t) <= high]
    parts += [_tick(x(s), height, f"{s:,}") for s in _round_steps(last)]
    if level:
        parts.append(
            f'<line class="level" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y(level[1]):.1f}" y2="{y(level[1]):.1f}">'
            f"<title>{escape(level[0])}: {level[1]:.3g}</title></line>"
        )
    for line in lines:
        shown = [(step, value) for step, value in line.points if value <= top]
        path = " ".join(f"{x(step):.1f},{y(value):.1f}" for step, value in shown)
        parts.append(f'<polyline class="{line.style}" points="{path}"/>')
        if len(line.points) <= _MOST_DOTS:
            parts += [
                f'<circle class="{line.style}" cx="{x(step):.1f}" cy="{y(value):.1f}" r="3">'
                f"<title>{escape(line.name)}, step {step:,}: {value:.3g}</title></circle>"
                for step, value in shown
            ]
    return _svg(height, parts, "Perplexity over training steps")


def buttons(ours: Sequence[float], beside: Sequence[float] | None) -> Markup:
    """The share of each button, 0..1: coloured bars, and outlines behind them for another model's."""
    height, colours = 200, button_colours(len(ours))
    top = max([*ours, *(beside or []), 1e-9])
    room = (WIDTH - _LEFT - _RIGHT) / len(ours)

    def bar(number: int, share: float, inset: float, attributes: str, name: str) -> str:
        tall = share / top * (height - _TOP - _BOTTOM)
        return (
            f'<rect {attributes} x="{_LEFT + room * (number + inset):.1f}" width="{room * (1 - 2 * inset):.1f}" '
            f'y="{height - _BOTTOM - tall:.1f}" height="{tall:.1f}" rx="3">'
            f"<title>{name}, button {number + 1}: {share:.1%}</title></rect>"
        )

    parts = [_tick(_LEFT + room * (n + 0.5), height, str(n + 1)) for n in range(len(ours))]
    parts += [bar(n, share, 0.12, 'class="other"', "beside it") for n, share in enumerate(beside or [])]
    parts += [bar(n, share, 0.24, f'fill="{colours[n]}"', "this model") for n, share in enumerate(ours)]
    return _svg(height, parts, "How often each button is pressed")


def keys(played: Sequence[float], found: Sequence[float]) -> Markup:
    """The share of each of the 88 keys: bars for those that were `found` in the pieces, a line for those `played`."""
    height = 200
    top = max([*played, *found, 1e-9])
    room = (WIDTH - _LEFT - _RIGHT) / NUM_KEYS

    def y(share: float) -> float:
        return height - _BOTTOM - share / top * (height - _TOP - _BOTTOM)

    parts = [_tick(_LEFT + room * (k + 0.5), height, name_of(k)) for k in range(NUM_KEYS) if pitch_of(k) % 12 == 0]
    parts += [
        f'<rect class="found" x="{_LEFT + room * key:.1f}" width="{room * 0.8:.1f}" y="{y(share):.1f}" '
        f'height="{height - _BOTTOM - y(share):.1f}"><title>{name_of(key)}: {share:.1%} of the pieces’ notes, '
        f"{played[key]:.1%} of the model’s</title></rect>"
        for key, share in enumerate(found)
    ]
    path = " ".join(f"{_LEFT + room * (key + 0.4):.1f},{y(share):.1f}" for key, share in enumerate(played))
    parts.append(f'<polyline class="ours" points="{path}"/>')
    return _svg(height, parts, "How often each key is played")


@dataclass(frozen=True)
class Note:
    """A bar of a roll: a key, when (s), and the button that it is coloured by."""

    key: int
    start: float
    end: float
    button: int


def roll(notes: Sequence[Note], num_buttons: int, seconds: float, lowest: int, highest: int) -> Markup:
    """A piano roll of the keys lowest..highest, coloured by button, with a playhead at its left end."""
    row, colours = 5.0, button_colours(num_buttons)
    height = round(_TOP + (highest - lowest + 1) * row + _BOTTOM)
    x = _seconds_scale(seconds)
    parts = []
    for key in range(lowest, highest + 1):
        y = _TOP + (highest - key) * row
        if is_black(key):
            parts.append(f'<rect class="black" x="{_LEFT}" width="{WIDTH - _LEFT - _RIGHT}" y="{y}" height="{row}"/>')
        if pitch_of(key) % 12 == 0:
            parts.append(_grid(y + row, name_of(key)))
    for note in notes:
        if lowest <= note.key <= highest:
            parts.append(
                f'<rect fill="{colours[note.button]}" x="{x(note.start):.1f}" y="{_TOP + (highest - note.key) * row}" '
                f'width="{max(x(note.end) - x(note.start), 1.5):.1f}" height="{row}" rx="1.2">'
                f"<title>{name_of(note.key)}, button {note.button + 1}, {note.start:.2f} s</title></rect>"
            )
    return _svg(height, [*parts, *_seconds_ticks(seconds, height), _playhead(height)], "Piano roll", "roll")


def presses(notes: Sequence[Note], num_buttons: int, seconds: float) -> Markup:
    """The buttons of the same notes, a row a button, the highest on top."""
    row, colours = 13.0, button_colours(num_buttons)
    height = round(_TOP + num_buttons * row + _BOTTOM)
    x = _seconds_scale(seconds)

    def y(button: int) -> float:
        return _TOP + (num_buttons - 1 - button + 0.5) * row

    parts = [_grid(y(button), str(button + 1)) for button in range(num_buttons)]
    path = " ".join(f"{x(note.start):.1f},{y(note.button):.1f}" for note in notes)
    parts.append(f'<polyline class="contour" points="{path}"/>')
    parts += [
        f'<circle fill="{colours[note.button]}" cx="{x(note.start):.1f}" cy="{y(note.button):.1f}" r="4.2">'
        f"<title>button {note.button + 1}, {note.start:.2f} s</title></circle>"
        for note in notes
    ]
    return _svg(height, [*parts, *_seconds_ticks(seconds, height)], "Button presses")


def _seconds_scale(seconds: float):
    return lambda time: _LEFT + time / seconds * (WIDTH - _LEFT - _RIGHT)


def _seconds_ticks(seconds: float, height: int) -> list[str]:
    x = _seconds_scale(seconds)
    return [_tick(x(s), height, f"{s} s") for s in range(0, math.floor(seconds) + 1, 5)]


def _playhead(height: int) -> str:
    return (
        f'<line class="playhead" x1="{_LEFT}" x2="{_LEFT}" y1="{_TOP}" y2="{height - _BOTTOM}" '
        f'data-from="{_LEFT}" data-to="{WIDTH - _RIGHT}"/>'
    )


def _round_steps(last: int) -> list[int]:
    """Some five round numbers up to `last`."""
    unit = 10 ** math.floor(math.log10(last))
    step = next(s for s in (unit // 5, unit // 2, unit, 2 * unit) if s and last / s <= 6)
    return list(range(0, last + 1, step))


def _grid(y: float, label: str) -> str:
    return (
        f'<line class="grid" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{escape(label)}</text>'
    )


def _tick(x: float, height: int, label: str) -> str:
    return f'<text x="{x:.1f}" y="{height - 6}" text-anchor="middle">{escape(label)}</text>'


def _svg(height: int, parts: Sequence[str], label: str, style: str = "chart") -> Markup:
    head = f'<svg class="{style}" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(label)}">'
    return Markup(head + "".join(parts) + "</svg>")
