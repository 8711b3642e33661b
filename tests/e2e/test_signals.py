"""Signals at random moments, from the first import to the last note: nothing is left sounding, nothing half written."""

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time

import pytest

from tests.e2e.programs import PIANOGENIE, jackd, quiet_environment, running

AT_ONCE = 5
LONGEST_S = 4.0
"""Into a demo that would last a minute; starting takes a second or so."""

LISTENERS = """
import json, sys
import rtmidi
heard = [[] for _ in range(int(sys.argv[1]))]
ports = []
for number, messages in enumerate(heard):
    port = rtmidi.MidiIn(rtmidi.API_UNIX_JACK, name=f"piano-{number}-")
    port.ignore_types(sysex=False, timing=False, active_sense=False)
    port.open_virtual_port("in")
    port.set_callback(lambda message, messages: messages.append(message[0]), messages)
    ports.append(port)
print("ready", flush=True)
for _ in sys.stdin:
    print(json.dumps(heard), flush=True)
    for messages in heard:
        messages.clear()
for port in ports:
    port.delete()  # a synchronous JACK server waits five seconds for each that leaves without a word
"""


@pytest.fixture(scope="module")
def jack():
    with jackd(f"pianogenie-signals-{os.getpid()}", period=256) as environment:
        yield environment


@pytest.fixture
def listeners(jack, tmp_path):
    """Gives what each of five pianos has heard since it was asked last."""
    environment = quiet_environment(tmp_path, **jack)
    command = [sys.executable, "-c", LISTENERS, str(AT_ONCE)]
    with running(command, env=environment, stdin=subprocess.PIPE) as process:
        assert process.stdout.readline() == "ready\n"

        def heard():
            process.stdin.write("?\n")
            process.stdin.flush()
            return json.loads(process.stdout.readline())

        yield heard
        process.stdin.close()
        process.wait(60)  # the server may still wait for five players that a signal ended before they could take leave


def check_books(messages):
    """How many notes there were; each was let go, and the pedal is up."""
    sounding, notes, pedal = set(), 0, 0
    for message in messages:
        status, data, value = message
        if status == 0x90:
            assert data not in sounding, "struck while it sounds"
            sounding.add(data)
            notes += 1
        elif status == 0x80:
            sounding.remove(data)
        elif (status, data) == (0xB0, 64):
            pedal = value
    assert not sounding and pedal == 0, "left sounding"
    return notes


def check_folder(folder):
    """How many recordings there are; each is whole."""
    names = sorted(os.listdir(folder)) if folder.exists() else []
    assert not [name for name in names if name.startswith(".") or name.endswith(".journal")], names
    assert {os.path.splitext(name)[1] for name in names} <= {".json", ".mid"} and len(names) % 2 == 0
    for name in names:
        if name.endswith(".json"):
            json.loads((folder / name).read_text())
    return len(names) // 2


def shoot(number, times, listeners, environment, tmp_path, model, draw):
    """Start the demo so often, and end each by the signal at a moment of its own. Gives (notes, recordings)."""
    notes = recordings = 0
    for begin in range(0, times, AT_ONCE):
        with contextlib.ExitStack() as stack:
            due, players = [], []
            for place in range(min(AT_ONCE, times - begin)):
                folder = tmp_path / f"music-{begin + place}"
                command = [*PIANOGENIE, "demo", "--seconds", "60", "--no-sound", "--model", str(model)]
                command += ["--midi-out", f"piano-{place}-", "--record", str(folder)]
                players.append((stack.enter_context(running(command, env=environment)), folder))
                due.append((time.monotonic() + draw.uniform(0, LONGEST_S), place))
            for moment, place in sorted(due):
                time.sleep(max(0.0, moment - time.monotonic()))
                players[place][0].send_signal(number)
            for (process, folder), messages in zip(players, ended(players, listeners), strict=True):
                _out, errors = process.communicate(timeout=30)
                # Before there is a session there is nothing to let go of: the signal, or click, ends it by itself then.
                early = (128 + number, -number, 1 if number == signal.SIGINT else -number)
                assert process.returncode in (0, *early), errors
                assert process.returncode == -number or "Traceback" not in errors or not_ours(errors), errors
                notes += check_books(messages)
                recordings += check_folder(folder)
    return notes, recordings


def not_ours(errors):
    """Whether Python was still putting itself together, and had not come to the first line of ours."""
    return f"{os.sep}pianogenie{os.sep}" not in errors and errors.rstrip().endswith("KeyboardInterrupt")


def ended(players, listeners):
    """What each piano heard, once every player has ended."""
    for process, _folder in players:
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGABRT)  # Python says then what each thread was doing
            pytest.fail(f"the signal did not end it; it was here:\n{process.communicate(timeout=30)[1]}")
    time.sleep(0.2)  # a period or two, for what is on its way
    return listeners()[: len(players)]


SIGNALS = [signal.SIGTERM, signal.SIGHUP, signal.SIGINT]


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
def test_a_signal_at_a_random_moment(number, jack, listeners, tmp_path, toy_model, record_property):
    environment = quiet_environment(tmp_path, PYTHONFAULTHANDLER="1", **jack)
    shoot(number, 5, listeners, environment, tmp_path, toy_model, random.Random(int(number)))
    record_property("tried", 5)


@pytest.mark.soak
@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
def test_a_signal_at_a_hundred_random_moments(number, jack, listeners, tmp_path, toy_model, record_property):
    environment = quiet_environment(tmp_path, PYTHONFAULTHANDLER="1", **jack)
    draw = random.Random(100 + int(number))
    notes, recordings = shoot(number, 100, listeners, environment, tmp_path, toy_model, draw)
    assert notes > 100 and recordings > 20, "the signals came before the music"
    record_property("tried", 100)
    record_property("notes", notes)
