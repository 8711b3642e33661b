"""`python -m pianogenie.bench.jack_peer NAME`: a MIDI keyboard and a synthesizer in one, which note when.

Told `play PRESSES SEED`, it plays bursts on its white keys and answers when it is through; told `tell`, it answers
with two lists of [monotonic ns, MIDI note]: of the note-ons that it has sent and of those that it has heard.
"""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable

from pianogenie.bench.bursts import Move, bursts
from pianogenie.bench.jack import JackDevice
from pianogenie.bench.programs import answer, lines_in

NOTES = (60, 62, 64, 65, 67, 69, 71, 72)
"""White keys from middle C up: buttons 0..7 of a controller that was not taught."""
_NOTE_ON, _NOTE_OFF, _VELOCITY = 0x90, 0x80, 80
_START_S = 20.0


class _Peer:
    def __init__(self) -> None:
        self.sent: list[tuple[int, int]] = []
        self.heard: list[tuple[int, int]] = []
        self._moves: list[Move] = []
        self._at = 0
        self._began = 0

    def play(self, presses: int, seed: int) -> None:
        """Play bursts to their end."""
        moves = bursts(presses, len(NOTES), seed)
        self._at, self._began = 0, time.monotonic_ns()
        self._moves = moves  # last: from here on JACK's thread plays them
        while self._at < len(moves):
            time.sleep(0.05)
        self._moves = []

    def hear(self, message: bytes) -> None:
        """Note a note-on that came."""
        if len(message) == 3 and message[0] & 0xF0 == _NOTE_ON and message[2]:
            self.heard.append((time.monotonic_ns(), message[1]))

    def say(self, send: Callable[[bytes], None]) -> None:
        """Send what is due, and note when it was; the player's turn begins when this one is over."""
        moves, at = self._moves, self._at
        if at >= len(moves):
            return
        now = time.monotonic_ns()
        while at < len(moves) and self._began + moves[at].time * 1e9 <= now:
            _, source, down, _ = moves[at]
            send(bytes((_NOTE_ON if down else _NOTE_OFF, NOTES[source], _VELOCITY)))
            if down:
                self.sent.append((time.monotonic_ns(), NOTES[source]))
            at += 1
        self._at = at


def main() -> None:
    """Join the server as soon as it answers; then do what is told."""
    peer = _Peer()
    device, by = None, time.monotonic() + _START_S
    while device is None:
        with contextlib.suppress(OSError):
            device = JackDevice(sys.argv[1], peer.hear, peer.say)
        if device is None:
            if time.monotonic() > by:
                sys.exit(1)
            time.sleep(0.1)
    answer("ready")
    for word, *arguments in lines_in():
        if word == "play":
            peer.play(*map(int, arguments))
            answer("played")
        else:
            answer([peer.sent, peer.heard])
    device.close()


if __name__ == "__main__":
    main()
