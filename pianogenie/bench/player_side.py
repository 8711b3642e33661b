"""What a measurement does inside the instrument's process: plays a virtual gamepad, counts frames, hears the mixer.

A thread obeys lines on standard input, and answers each with a line of JSON; between two lines it sleeps.
"""

from __future__ import annotations

import json
import os
import random
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from pianogenie.bench.bursts import bursts
from pianogenie.bench.programs import answer, lines_in
from pianogenie.inputs import gamepads
from pianogenie.inputs.virtual_pad import VirtualPad
from pianogenie.urgency import calm_down, hurry
from pianogenie.window import window
from pianogenie.window.stage import Stage

PARTS = (13, 12, 11, 14, 2, 0, 3, 1)
"""The virtual pad's parts that press buttons 0..7: left, down, up, right on either hand."""
_PLUGGING_S = 10.0


class PlayerSide:
    """Obeys, from `start` on.

    Args:
        folder: where lists too long for a line are written.
        note_ons: grows by one with each note-on.
    """

    def __init__(self, folder: Path, note_ons: Sequence[int]):
        self._folder = folder
        self._note_ons = note_ons
        self._presenters: list[window.Presenter] = []
        self._stages: list[Stage] = []
        self._plugged = threading.Event()
        self._pad_file = -1
        self._pad: VirtualPad | None = None
        self._ears: object = None

    def start(self) -> None:
        """Before the instrument: have it tell where pictures are counted, and let it sleep on the pad's file."""
        presenters, stages = self._presenters, self._stages

        class Presenter(window.Presenter):
            def __init__(self, *arguments, **options):
                super().__init__(*arguments, **options)
                presenters.append(self)

        class PainterProcess(window.PainterProcess):
            def __init__(self, stage: Stage):
                super().__init__(stage)
                stages.append(stage)

        window.Presenter, window.PainterProcess = Presenter, PainterProcess
        self._real_device_files = gamepads.device_files
        gamepads.device_files = self._device_files
        threading.Thread(target=self._obey, name="bench", daemon=True).start()

    def _obey(self) -> None:
        for word, *arguments in lines_in():
            try:
                said = getattr(self, f"do_{word}")(*map(int, arguments))
            except Exception as error:
                said = {"cannot": str(error)}
            answer(said)

    def do_counts(self) -> dict[str, int]:
        """So far: frames shown and note-ons handed over."""
        # On X11 the painter shows them, elsewhere the window does.
        frames = sum(p.frames_shown for p in self._presenters) + sum(stage.shown for stage in self._stages)
        return {"frames": frames, "note_ons": len(self._note_ons)}

    def do_plug(self) -> bool:
        """Plug the pad in; whether the instrument has found it.

        On Linux a pad is a file that the instrument sleeps on. A virtual one has none; so it gets one here.
        """
        self._pad_file = os.eventfd(0) if hasattr(os, "eventfd") else -1
        self._pad = VirtualPad()
        return self._plugged.wait(_PLUGGING_S)

    def do_pull(self) -> bool:
        """Pull it out."""
        self._pad.pull()
        return True

    def do_play(self, presses: int, seed: int) -> bool:
        """Play bursts on the pad; when each press began (monotonic ns) is in the file `pad` afterwards."""
        hurry()  # as a real pad's driver does: no other program stops it, here with the interpreter in its hands
        pressed = []
        began = time.monotonic()
        for at, source, down, _ in bursts(presses, len(PARTS), seed):
            rest = began + at - time.monotonic()
            if rest > 0:
                time.sleep(rest)
            now = time.monotonic_ns()
            self._pad.button(PARTS[source], down)
            self._arrive()
            if down:
                pressed.append(now)
        calm_down()
        (self._folder / "pad").write_text(json.dumps(pressed))
        return True

    def do_listen(self) -> float:
        """Listen to the mixer from now on. Gives the length of its buffer, s."""
        from pianogenie.bench.ears import Ears

        self._ears = Ears()
        return self._ears.buffer_s()

    def do_silence(self, patience_ms: int) -> bool:
        """Wait until nothing is heard, and a random moment longer; whether that came to pass."""
        quiet = self._ears.wait_for_silence(patience_ms / 1000)
        time.sleep(random.uniform(0, 0.01))
        self._ears.forget()
        return quiet

    def do_sound(self, patience_ms: int) -> int:
        """When the buffer was mixed in which something is heard again, monotonic ns; 0 if nothing came."""
        return self._ears.wait_for_sound(patience_ms / 1000)

    def _arrive(self) -> None:
        # SDL looks at a virtual pad's parts one by one: of two moves between two looks it would forget the order.
        self._pad.deliver()
        if self._pad_file >= 0:
            os.eventfd_write(self._pad_file, 1)

    def _device_files(self, paths):
        paths = list(paths)
        if not paths:
            return []
        self._plugged.set()
        real = self._real_device_files(path for path in paths if path is not None)
        return None if self._pad_file < 0 or real is None else [*real, self._pad_file]
