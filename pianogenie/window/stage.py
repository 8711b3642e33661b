"""What is happening right now, in a block of memory that the painter's process reads while it is written.

The instrument's process writes with plain stores: no queue, no lock, no serialising, well under a microsecond
a note. The painter reads whenever it starts a frame. A reader may see one key's note a store before its
neighbour's; the next frame is right again. Counters of strikes and presses make sure that a note shorter
than a frame is still seen.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass

from pianogenie.events import NoteOff, NoteOn, Pedal, PianoEvent, PlayerEvent, Press, Release
from pianogenie.keys import NUM_KEYS
from pianogenie.outputs.base import Output
from pianogenie.window.shared import SharedBlock

_TEXT_BYTES = 1024
_NAME_BYTES = 64
_CHANGES, _BEAT, _FRAMES, _WIDTH, _HEIGHT, _NAME_LEN, _TEXT_LEN, _PEDAL, _NUM_BUTTONS = range(9)
_X11_WINDOW, _PAINTER_SHOWS, _PAINTER_WAITS, _SHOWN, _UNCOVERED = range(9, 14)
_NUM_WORDS = 16


@dataclass(frozen=True, slots=True)
class Scene:
    """A copy of the stage at one moment. Times are `time.perf_counter` seconds.

    `strikes`, `struck_at`, `let_go_at`, `sounding`, `striker` (a button) and `velocity` hold one entry for each
    of the 88 keys; `presses` and `held` one for each button.
    """

    strikes: list[int]
    struck_at: list[float]
    let_go_at: list[float]
    sounding: list[int]
    striker: list[int]
    velocity: list[int]
    presses: list[int]
    held: list[int]
    pedal: int
    status: str


class Stage:
    """The block: which keys sound and why, which buttons are held, the pedal, the status line.

    Args:
        buffer: at least `bytes_needed(num_buttons)` zeroed bytes, or a stage's block seen from another process.
        num_buttons: 1..255 for a new block; None reads it from the block.
        memory: the shared memory behind `buffer`, which `close` lets go of; None for a stage of this process only.
    """

    def __init__(
        self,
        buffer: memoryview | bytearray,
        num_buttons: int | None = None,
        memory: SharedBlock | None = None,
    ):
        self._memory = memory
        self._views: list[memoryview] = []
        self._offset = 0
        whole = memoryview(buffer)
        self._words = self._view(whole, _NUM_WORDS, "I")
        if num_buttons is not None:
            self._words[_NUM_BUTTONS] = num_buttons
        self.num_buttons: int = self._words[_NUM_BUTTONS]
        self._struck_at = self._view(whole, NUM_KEYS, "d")
        self._let_go_at = self._view(whole, NUM_KEYS, "d")
        self._strikes = self._view(whole, NUM_KEYS, "I")
        self._presses = self._view(whole, self.num_buttons, "I")
        self._sounding = self._view(whole, NUM_KEYS, "B")
        self._striker = self._view(whole, NUM_KEYS, "B")
        self._velocity = self._view(whole, NUM_KEYS, "B")
        self._held = self._view(whole, self.num_buttons, "B")
        self._name = self._view(whole, _NAME_BYTES, "B")
        self._text = self._view(whole, _TEXT_BYTES, "B")
        self._views.append(whole)
        self._status = ""
        self._counter = itertools.count(self._words[_CHANGES] + 1)

    def _view(self, whole: memoryview, count: int, code: str) -> memoryview:
        size = count * {"I": 4, "d": 8, "B": 1}[code]
        part = whole[self._offset : self._offset + size]
        view = part.cast(code)
        self._views += [view, part]
        self._offset += -(-size // 8) * 8
        return view

    @staticmethod
    def bytes_needed(num_buttons: int) -> int:
        """The size of a block for so many buttons."""
        rest = 8 * -(-num_buttons // 2) + 8 * -(-num_buttons // 8)
        return _NUM_WORDS * 4 + NUM_KEYS * (8 + 8 + 4 + 1 + 1 + 1) + rest + _NAME_BYTES + _TEXT_BYTES

    @classmethod
    def create(cls, num_buttons: int) -> Stage:
        """A stage that another process can attach to; `close` removes it."""
        memory = SharedBlock.create(cls.bytes_needed(num_buttons))
        return cls(memory.buf, num_buttons, memory)

    @classmethod
    def local(cls, num_buttons: int) -> Stage:
        """A stage for this process only: offline painting and tests."""
        return cls(bytearray(cls.bytes_needed(num_buttons)), num_buttons)

    @classmethod
    def attach(cls, name: str) -> Stage:
        """The stage that another process created. FileNotFoundError when it is gone."""
        memory = SharedBlock.attach(name)
        return cls(memory.buf, None, memory)

    @property
    def shared_name(self) -> str | None:
        """What `attach` takes; None for a local stage."""
        return self._memory.name if self._memory else None

    def close(self) -> None:
        """Let go of the memory, and remove it if this stage created it. May be called again."""
        for view in self._views:
            view.release()
        self._views.clear()
        if self._memory is not None:
            self._memory.close()
            self._memory = None

    def __enter__(self) -> Stage:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # Written by the instrument.

    def _touch(self) -> None:
        # A fresh number each time, whichever thread writes last: the reader only asks whether it differs.
        self._words[_CHANGES] = next(self._counter) & 0xFFFFFFFF

    def strike(self, key: int, button: int, velocity: int, at: float) -> None:
        """A key (0..87) starts to sound."""
        self._striker[key] = button
        self._velocity[key] = velocity
        self._struck_at[key] = at
        self._sounding[key] = 1
        self._strikes[key] = (self._strikes[key] + 1) & 0xFFFFFFFF
        self._touch()

    def let_go(self, key: int, at: float) -> None:
        """A key (0..87) is let go."""
        self._let_go_at[key] = at
        self._sounding[key] = 0
        self._touch()

    def press(self, button: int) -> None:
        """A button goes down."""
        self._held[button] = 1
        self._presses[button] = (self._presses[button] + 1) & 0xFFFFFFFF
        self._touch()

    def release(self, button: int) -> None:
        """A button comes up."""
        self._held[button] = 0
        self._touch()

    @property
    def pedal(self) -> int:
        """The sustain pedal, 0..127."""
        return self._words[_PEDAL]

    @pedal.setter
    def pedal(self, value: int) -> None:
        self._words[_PEDAL] = value
        self._touch()

    @property
    def status(self) -> str:
        """The status line. Setting the text it already has costs a comparison."""
        return bytes(self._text[: self._words[_TEXT_LEN]]).decode(errors="ignore")

    @status.setter
    def status(self, text: str) -> None:
        if text == self._status:
            return
        self._status = text
        data = text.encode()[:_TEXT_BYTES]
        self._text[: len(data)] = data
        self._words[_TEXT_LEN] = len(data)
        self._touch()

    def show_frames(self, name: str, width: int, height: int) -> None:
        """Tell the painter to paint so many pixels into the frames of that name from now on."""
        data = name.encode()[:_NAME_BYTES]
        self._name[: len(data)] = data
        self._words[_NAME_LEN] = len(data)
        self._words[_WIDTH] = width
        self._words[_HEIGHT] = height
        self._words[_FRAMES] += 1

    def uncover(self) -> None:
        """Tell a painter that shows its pictures itself that the window lost what it held."""
        self._words[_UNCOVERED] += 1

    @property
    def x11_window(self) -> int:
        """The window's number on the X server of this environment; 0 where there is none."""
        return self._words[_X11_WINDOW]

    @x11_window.setter
    def x11_window(self, number: int) -> None:
        self._words[_X11_WINDOW] = number

    # Read by the painter, and by the window to see whether there is anything to show.

    @property
    def changes(self) -> int:
        """Differs whenever something on the stage changed."""
        return self._words[_CHANGES]

    @property
    def frames(self) -> tuple[int, str, int, int]:
        """Generation (0: none yet), name, width and height in pixels of the frames to paint into."""
        words = self._words
        name = bytes(self._name[: words[_NAME_LEN]]).decode(errors="ignore")
        return words[_FRAMES], name, words[_WIDTH], words[_HEIGHT]

    @property
    def uncovered(self) -> int:
        """How often the window lost what it held."""
        return self._words[_UNCOVERED]

    # Written by the painter, read by the window.

    @property
    def painter_shows(self) -> bool:
        """Whether the painter brings its pictures into the window itself; else the window does."""
        return self._words[_PAINTER_SHOWS] != 0

    @painter_shows.setter
    def painter_shows(self, shows: bool) -> None:
        self._words[_PAINTER_SHOWS] = shows

    @property
    def painter_waits(self) -> bool:
        """Whether the painter waits for the display right now, however long that takes it."""
        return self._words[_PAINTER_WAITS] != 0

    @painter_waits.setter
    def painter_waits(self, waits: bool) -> None:
        self._words[_PAINTER_WAITS] = waits

    @property
    def shown(self) -> int:
        """How many pictures the painter has brought into the window itself."""
        return self._words[_SHOWN]

    def count_shown(self) -> None:
        """The painter brought one more picture into the window."""
        self._words[_SHOWN] = (self._words[_SHOWN] + 1) & 0xFFFFFFFF

    @property
    def beat(self) -> int:
        """The painter's heartbeat: a count of the times it came round."""
        return self._words[_BEAT]

    def heartbeat(self) -> None:
        """The painter came round once more."""
        self._words[_BEAT] = (self._words[_BEAT] + 1) & 0xFFFFFFFF

    def read(self) -> Scene:
        """A copy of everything that is drawn."""
        return Scene(
            strikes=self._strikes.tolist(),
            struck_at=self._struck_at.tolist(),
            let_go_at=self._let_go_at.tolist(),
            sounding=self._sounding.tolist(),
            striker=self._striker.tolist(),
            velocity=self._velocity.tolist(),
            presses=self._presses.tolist(),
            held=self._held.tolist(),
            pedal=self._words[_PEDAL],
            status=self.status,
        )


class StageOutput(Output):
    """The window as an output: marks on the stage what the piano is told and what the player does.

    Args:
        stage: where to mark it. Closing the output lets every key and button go, and leaves the stage open.
        clock: seconds on the clock that the painter reads, `time.perf_counter` unless painting offline.
    """

    name = "window"

    def __init__(self, stage: Stage, clock: Callable[[], float] = time.perf_counter):
        self.stage = stage
        self._clock = clock

    def send(self, event: PianoEvent) -> None:
        """Mark a note-on, a note-off or the pedal."""
        if isinstance(event, NoteOn):
            self.stage.strike(event.key, event.button, event.velocity, self._clock())
        elif isinstance(event, NoteOff):
            self.stage.let_go(event.key, self._clock())
        elif isinstance(event, Pedal):
            self.stage.pedal = event.value

    def witness(self, event: PlayerEvent) -> None:
        """Mark a button held or let go."""
        if isinstance(event, Press):
            self.stage.press(event.button)
        elif isinstance(event, Release):
            self.stage.release(event.button)
