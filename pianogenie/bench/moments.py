"""Event to audio buffer, and start to playable: single presses, each waited for."""

from __future__ import annotations

import time

from pianogenie.bench.programs import Missing, busy_core
from pianogenie.bench.sessions import KEYS, Stage, playing

_PATIENCE_MS = 3000
_HOLD_S = 0.03
_SETTLES_S = 5.0


def event_to_audio(stage: Stage, presses: int) -> tuple[list[float], dict[str, object]]:
    """The milliseconds from a press to the buffer in which its note begins, out of silence. Raises Missing."""
    keys = stage.keys
    heard: list[tuple[int, int]] = []
    with playing(stage, "c") as player:
        player.wait_until_playable()
        buffer_s = player.ask("listen")
        time.sleep(_SETTLES_S)
        with busy_core():
            for number in range(presses):
                if not player.ask("silence", _PATIENCE_MS):
                    raise Missing("it does not fall silent")
                place = len(keys.taken_up)
                keys.press(KEYS[number % len(KEYS)])
                at = player.ask("sound", _PATIENCE_MS)
                time.sleep(_HOLD_S)
                keys.release(KEYS[number % len(KEYS)])
                if at:
                    heard.append((place, at))
        keys.collect_all()
        player.end()
    if not heard:
        raise Missing("nothing was heard")
    spent = [(at - keys.taken_up[place]) / 1e6 for place, at in heard]
    return spent, {"lost": presses - len(heard), "buffer_ms": round(1000 * buffer_s, 2)}


def start_to_playable_s(stage: Stage) -> float:
    """Seconds from starting the program to the first note of a key that is pressed again and again. Raises Missing."""
    with playing(stage, "f") as player:
        first = player.first_note_ns()
        player.end()
        return (first - player.started_ns) / 1e9
