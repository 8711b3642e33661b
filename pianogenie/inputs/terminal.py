"""Playing in a terminal: typed keys. A terminal tells of keys going down, never of their coming up."""

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterator

# blessed asks the terminal two things when it starts, and would wait 5 s for each answer that does not come.
os.environ.setdefault("BLESSED_QUERY_TIMEOUT_SECONDS", "0.5")

import blessed

try:
    import termios
except ImportError:  # Windows, which neither suspends nor holds up anybody
    termios = None

from pianogenie.events import NoteOff, NoteOn, Pedal, PianoEvent
from pianogenie.inputs.hands import Hands
from pianogenie.inputs.keyboard import letters
from pianogenie.keys import NUM_KEYS, is_black, name_of
from pianogenie.outputs.base import Output
from pianogenie.quiet import Quiet

NOTE_S = 0.4
"""How long a typed note lasts if no other follows."""

_POLL_S = 0.05
_COLOURS = (203, 215, 221, 149, 79, 75, 111, 176)  # of xterm's 256: one for each button, then round again


class TerminalView(Output):
    """Remembers what sounds, for the line that `run_terminal` draws."""

    name = "terminal"

    def __init__(self, num_buttons: int):
        self.num_buttons = num_buttons
        self.button_of = [-1] * NUM_KEYS  # the button that sounds each key, or -1
        self.last: NoteOn | None = None
        self.pedal = 0
        self.changes = 0

    def send(self, event: PianoEvent) -> None:
        """Note what sounds now."""
        if type(event) is NoteOn:
            self.button_of[event.key] = event.button
            self.last = event
        elif type(event) is NoteOff:
            self.button_of[event.key] = -1
        elif type(event) is Pedal:
            self.pedal = event.value
        self.changes += 1


def run_terminal(hands: Hands, view: TerminalView, status: str, should_stop: Callable[[], bool]) -> None:
    """Play from the terminal's keys until Esc, Ctrl-C or `should_stop`.

    Args:
        hands: where presses go; one note at a time, until the next or for `NOTE_S`.
        view: what sounds, drawn as a keyboard of 88 characters (or the last note, where it is too narrow).
        status: the line above it.
        should_stop: asked every 50 ms.
    """
    terminal = blessed.Terminal()
    buttons = _typed_buttons(view.num_buttons)
    note_ends: float | None = None
    typed_pedal = 0
    drawn = -1
    digits = f"1-{view.num_buttons}" if view.num_buttons < 10 else "1-9, 0"
    print(f"{status}\n{digits} or the home row play, space is the pedal, Backspace silences everything, Esc quits\n")
    with terminal.cbreak(), never_held_up(), terminal.hidden_cursor(), Quiet() as quiet:
        while not should_stop():
            rest = _POLL_S if note_ends is None else max(0.0, note_ends - time.perf_counter())
            key = terminal.inkey(timeout=min(_POLL_S, rest), esc_delay=0.05)
            if key.name == "KEY_ESCAPE" or key == "\x1b":
                break
            if key.name in ("KEY_BACKSPACE", "KEY_DELETE"):
                hands.panic()
                note_ends = None
            elif key == " ":
                typed_pedal = 127 - typed_pedal if view.pedal else 127  # a panic of anybody's puts it up
                hands.pedal("typed", typed_pedal)
            elif key.lower() in buttons:
                hands.down("typed", buttons[key.lower()])
                note_ends = time.perf_counter() + NOTE_S
            if note_ends is not None and time.perf_counter() >= note_ends:
                hands.up("typed")
                note_ends = None
            if view.changes != drawn:  # after the note, never before it
                drawn = view.changes
                print("\r" + _picture(terminal, view) + terminal.clear_eol, end="", flush=True)
            now = time.perf_counter()
            quiet.rest(now, now - hands.idle_s())
    print()


@contextlib.contextmanager
def never_held_up() -> Iterator[None]:
    """In this block Ctrl-S, which a hand on the home row may hit, does not stop the terminal, and whoever prints."""
    if termios is None:
        yield
        return
    keyboard = sys.stdin.fileno()
    before = termios.tcgetattr(keyboard)
    ours = list(before)
    ours[0] &= ~termios.IXON
    termios.tcsetattr(keyboard, termios.TCSANOW, ours)
    try:
        yield
    finally:
        termios.tcsetattr(keyboard, termios.TCSANOW, before)


def tell_above(view: TerminalView) -> Callable[[str], None]:
    """Gives a way to print a line while `run_terminal` draws: above its keyboard, which is drawn anew."""

    def tell(line: str) -> None:
        with contextlib.suppress(OSError):
            print(f"\r\x1b[K{line}", flush=True)
        view.changes += 1

    return tell


def lent_back() -> Callable[[], contextlib.AbstractContextManager[None]]:
    """Gives a context in which the terminal is as it is now, cursor and all: for a shell, while we are suspended."""
    if termios is None:
        return contextlib.nullcontext
    keyboard = sys.stdin.fileno()
    before = termios.tcgetattr(keyboard)

    @contextlib.contextmanager
    def lent() -> Iterator[None]:
        ours = termios.tcgetattr(keyboard)
        termios.tcsetattr(keyboard, termios.TCSADRAIN, before)
        print("\x1b[?25h", flush=True)
        yield
        termios.tcsetattr(keyboard, termios.TCSADRAIN, ours)
        print("\x1b[?25l", end="", flush=True)

    return lent


def _typed_buttons(num_buttons: int) -> dict[str, int]:
    digits = {digit: button for button, digit in enumerate("1234567890"[:num_buttons])}
    return digits | {letter.lower(): button for button, letter in enumerate(letters(num_buttons)) if letter}


def _picture(terminal: blessed.Terminal, view: TerminalView) -> str:
    last = view.last
    note = f"{name_of(last.key):4}" if last else "    "
    foot = "pedal" if view.pedal else "     "
    if terminal.width < NUM_KEYS + 12:
        return f"{note} {foot}"
    keys = "".join(
        terminal.color(_COLOURS[button % len(_COLOURS)])("█") if button >= 0 else "▂" if is_black(key) else "▁"
        for key, button in enumerate(view.button_of)
    )
    return f"{keys} {note} {foot}"
