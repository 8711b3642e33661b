"""Ten minutes live through JACK, fifty presses a second: nothing stuck, nothing lost, memory flat. `make soak`."""

import json
import os
import random
import socket
import subprocess
import sys
import time

import pytest
from pythonosc.udp_client import SimpleUDPClient

from tests.e2e.programs import PIANOGENIE, jackd, quiet_environment, running, stop, wait_for

MINUTES = float(os.environ.get("PIANOGENIE_SOAK_MINUTES", "10"))
PRESSES_A_SECOND = 50

# Keeps the books of what arrives; says them when asked.
LISTENER = """
import json, sys
import rtmidi
books = {"ons": 0, "offs": 0, "struck while sounding": 0, "let go while silent": 0, "pedal": 0}
sounding = set()
def hear(event, _):
    message = event[0]
    status, data, value = message
    if status == 0x90:
        books["struck while sounding"] += data in sounding
        sounding.add(data)
        books["ons"] += 1
    elif status == 0x80:
        books["let go while silent"] += data not in sounding
        sounding.discard(data)
        books["offs"] += 1
    elif data == 64:
        books["pedal"] = value
port = rtmidi.MidiIn(rtmidi.API_UNIX_JACK, name="piano")
port.open_virtual_port("in")
port.set_callback(hear)
print("ready", flush=True)
for _ in sys.stdin:
    print(json.dumps(books | {"sounding": len(sounding)}), flush=True)
"""


def resident_kib(process):
    with open(f"/proc/{process.pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


@pytest.mark.soak
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")
def test_minutes_of_fast_play_through_jack(tmp_path, toy_model, record_property):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with jackd(f"pianogenie-soak-{os.getpid()}") as jack:
        environment = quiet_environment(tmp_path, **jack)
        command = [*PIANOGENIE, "play", "--headless", "--no-sound", "--osc-in", str(port), "--midi-out", "piano"]
        command += ["--model", str(toy_model), "--record", str(tmp_path / "music"), "--profile", "none"]
        with (
            running([sys.executable, "-c", LISTENER], env=environment, stdin=subprocess.PIPE) as listener,
        ):
            assert listener.stdout.readline() == "ready\n"

            def books():
                listener.stdin.write("?\n")
                listener.stdin.flush()
                return json.loads(listener.stdout.readline())

            with running(command, env=environment) as player:
                hand = SimpleUDPClient("127.0.0.1", port)

                def awake():
                    assert player.poll() is None, player.communicate()
                    hand.send_message("/pianogenie/pedal", 1)
                    return books()["pedal"]

                wait_for(awake, "the first sign of life", 60)
                presses, memory = play(hand, player)
                wait_for(lambda: books()["ons"] == presses, "the last note")
                held = books()["sounding"]
                _out, errors = stop(player, seconds=120)
                assert player.returncode == 0 and "Traceback" not in errors, errors
            heard = books()
    assert held, "nothing was held at the end, so nothing had to be let go"
    assert heard["ons"] == heard["offs"] == presses and heard["sounding"] == heard["pedal"] == 0
    assert heard["struck while sounding"] == heard["let go while silent"] == 0
    assert memory[-1] - memory[0] < 8 << 10, f"it grows as it plays: {memory} KiB"
    (recording,) = (tmp_path / "music").glob("*.json")
    assert recording.read_text().count('"press"') == presses
    record_property("tried", presses)


def play(hand, player):
    """Presses at an even rate, releases most of them; gives how many, and the memory (KiB) at each tenth."""
    draw, memory = random.Random(3), []
    presses = round(MINUTES * 60 * PRESSES_A_SECOND)
    began = time.monotonic()
    for number in range(presses):
        time.sleep(max(0.0, began + number / PRESSES_A_SECOND - time.monotonic()))
        hand.send_message("/pianogenie/press", [draw.randrange(8) + 1, draw.randrange(1, 128)])
        if draw.random() < 0.8:
            hand.send_message("/pianogenie/release", draw.randrange(8) + 1)
        if number % 50 == 0:
            hand.send_message("/pianogenie/pedal", draw.randrange(128))
        if number % (presses // 10) == presses // 10 - 1:
            memory.append(resident_kib(player))
    hand.send_message("/pianogenie/press", [1, 64])
    return presses + 1, memory
