"""A player with a window and no genie, for the window's tests: each button has one key; prints what it hears.

Run as `python -m tests.e2e.window_player`. Lines on standard input move a virtual gamepad: `plug`, `button 3 1`,
`axis 5 -1`, `pull`; `file` has the wait sleep on a file too, as with a real pad on Linux. With the argument `apart` its
painter is told of a window that there is not.
"""

import os
import queue
import signal
import sys
import threading
import time

from pianogenie.events import NoteOff, NoteOn, Pedal, Press
from pianogenie.inputs.gamepads import Gamepads
from pianogenie.inputs.hands import Hands
from pianogenie.inputs.virtual_pad import VirtualPad
from pianogenie.window import window
from pianogenie.window.stage import Stage, StageOutput


def main() -> None:
    stop = []
    signal.signal(signal.SIGINT, lambda *_: stop.append(True))
    if "apart" in sys.argv:
        window.x11_window = lambda: 1
    start = time.perf_counter()
    with Stage.create(8) as stage:
        output = StageOutput(stage)
        print("stage", stage.shared_name, flush=True)

        def play(event):
            if isinstance(event, Pedal):
                print("pedal", event.value, flush=True)
                output.send(event)
            elif isinstance(event, Press):
                print("press", event.button, flush=True)
                output.send(NoteOn(20 + 7 * event.button, 100, event.button, event.time))
            else:
                print("release", event.button, flush=True)
                output.send(NoteOff(20 + 7 * event.button, event.time))
            output.witness(event)

        lines = queue.SimpleQueue()
        threading.Thread(target=lambda: [lines.put(line) for line in sys.stdin], daemon=True).start()
        pads = []

        def should_stop():
            while not lines.empty():
                word, *numbers = lines.get().split()
                if word == "plug":
                    pads.append(VirtualPad())
                elif word == "file":
                    gamepads.waiter.watch([os.pipe()[0]])
                    print("sleeps on a file", flush=True)
                elif word == "pull":
                    pads.pop().pull()
                else:
                    getattr(pads[-1], word)(*map(int, numbers))
            return bool(stop)

        hands = Hands(play, lambda: time.perf_counter() - start, 8)
        gamepads = Gamepads(hands, {}, lambda line: print("says", line, flush=True))
        window.run_window(
            hands,
            output,
            num_buttons=8,
            title="Window under test",
            should_stop=should_stop,
            size=(640, 400),
            gamepads=gamepads,
        )
    print("end", flush=True)


if __name__ == "__main__":
    main()
