"""Ports on a real JACK server: pulled and plugged in again in mid-chord, active sensing, a program that is killed."""

import contextlib
import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import time

import pytest
from pythonosc.osc_packet import OscPacket
from pythonosc.udp_client import SimpleUDPClient

from tests.e2e.programs import PIANOGENIE, jackd, pid_of, quiet_environment, running, stop, wait_for
from tests.toymodel import button_key

# A receiver with a MIDI input whose cable can be pulled. Told a word a line, it answers with a line.
RECEIVER = """
import json, sys, threading, time
import rtmidi
name, heard, lock = sys.argv[1], [], threading.Lock()
sensed = 0.0      # when active sensing was heard last; 0: never
silenced = None   # when this receiver silenced itself, as the MIDI standard wants it of one that knows active sensing
def hear(message, _):
    global sensed
    with lock:
        now = time.monotonic()
        heard.append([now, *message[0]])
        if sensed or message[0] == [0xFE]:
            sensed = now
def obey():
    global sensed, silenced
    while True:
        time.sleep(0.005)
        with lock:
            if sensed and time.monotonic() - sensed > 0.3:
                silenced, sensed = time.monotonic(), 0.0
threading.Thread(target=obey, daemon=True).start()
port = None
for line in sys.stdin:
    word = line.strip()
    if word == "plug":
        port = rtmidi.MidiIn(rtmidi.API_UNIX_JACK, name=name)
        port.ignore_types(sysex=False, timing=False, active_sense=False)
        port.open_virtual_port("in")
        port.set_callback(hear)
        print("plugged", flush=True)
    elif word == "pull" and port:
        port.close_port(); port.delete(); port = None
        print("pulled", flush=True)
    elif word == "forget":
        with lock: heard.clear()
        print("forgotten", flush=True)
    else:
        with lock: print(json.dumps({"heard": heard, "silenced": silenced}), flush=True)
if port:
    port.close_port(); port.delete()
"""


class Receiver:
    def __init__(self, process):
        self._process = process
        self.tell("plug")

    def tell(self, word):
        self._process.stdin.write(word + "\n")
        self._process.stdin.flush()
        return self._process.stdout.readline().strip()

    def state(self):
        return json.loads(self.tell("state"))

    def notes(self):
        """(status, pitch) of each note message."""
        return [tuple(m[1:3]) for m in self.state()["heard"] if m[1] & 0xE0 == 0x80]

    def pedals(self):
        return [m[3] for m in self.state()["heard"] if m[1:3] == [0xB0, 64]]


@pytest.fixture(scope="module")
def jack():
    with jackd(f"pianogenie-ports-{os.getpid()}") as environment:
        yield environment


@pytest.fixture
def environment(jack, tmp_path):
    return quiet_environment(tmp_path, **jack)


@contextlib.contextmanager
def receiving(environment):
    with running([sys.executable, "-c", RECEIVER, "piano-one"], env=environment, stdin=subprocess.PIPE) as process:
        yield Receiver(process)
        process.stdin.close()  # killed, it would keep the server waiting for it
        process.wait(20)


@pytest.fixture
def receiver(environment):
    with receiving(environment) as receiver:
        yield receiver


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def player(environment, model, port, *more):
    command = [*PIANOGENIE, "play", "--headless", "--no-sound", "--no-record", "--osc-in", str(port)]
    return running([*command, "--model", str(model), "--midi-out", "piano-one", *more], env=environment)


class Hand:
    """Plays over OSC."""

    def __init__(self, port):
        self._client = SimpleUDPClient("127.0.0.1", port)

    def __call__(self, word, *values):
        self._client.send_message(f"/pianogenie/{word}", list(values))

    def until_heard(self, receiver):
        """Press until the program has come up and the note arrives; then let go."""

        def arrived():
            self("press", 8)
            self("release", 8)
            return len(receiver.notes()) >= 2

        wait_for(arrived, "the first note")
        wait_for(lambda: (notes := receiver.notes()) and notes[-1][0] == 0x80, "its note-off")


def pitch(button):
    return button_key(button - 1) + 21


def said(process, words):
    """Read what the program says until it says this."""
    for line in process.stderr:
        if words in line:
            return line
    pytest.fail(f"it ended without a word of “{words}”")


def test_a_port_pulled_in_mid_chord_comes_back_with_its_state_put_right(environment, receiver, toy_model):
    port, listener = free_port(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    listener.bind(("127.0.0.1", 0))
    listener.settimeout(20)
    other = f"127.0.0.1:{listener.getsockname()[1]}"
    with listener, player(environment, toy_model, port, "--osc-out", other) as process:
        hand = Hand(port)
        hand.until_heard(receiver)
        hand("press", 1, 70)
        hand("press", 3, 70)
        hand("pedal", 100)
        wait_for(lambda: receiver.pedals()[-1:] == [100], "the chord")
        receiver.tell("pull")
        said(process, "lost piano-one")
        receiver.tell("forget")
        for word, *values in (("release", 1), ("press", 5, 70), ("release", 5), ("press", 6, 70), ("pedal", 30)):
            hand(word, *values)
        while OscPacket(listener.recv(100)).messages[0].message.params[:1] != [pitch(6)]:
            pass  # the other output plays on
        receiver.tell("plug")
        said(process, "is back")
        wait_for(receiver.pedals, "the pedal")
        notes = receiver.notes()
        # What was let go is let go; what is held is not struck anew; what was struck meanwhile is not struck late.
        assert (0x80, pitch(1)) in notes
        assert all(status == 0x80 for status, _ in notes) and (0x80, pitch(3)) not in notes
        assert receiver.pedals() == [30]
        receiver.tell("forget")
        hand("release", 6)
        hand("press", 2, 70)
        hand("release", 3)
        wait_for(lambda: (0x80, pitch(3)) in receiver.notes(), "the held key's note-off")
        assert receiver.notes() == [(0x90, pitch(2)), (0x80, pitch(3))]
        _out, errors = stop(process)
        assert process.returncode == 0 and "Traceback" not in errors
    assert receiver.notes()[-1] == (0x80, pitch(2)) and receiver.pedals()[-1] == 0


def test_active_sensing_ends_with_the_session_after_all_notes_are_off(environment, receiver, toy_model):
    port = free_port()
    with player(environment, toy_model, port, "--profile", "disklavier") as process:
        hand = Hand(port)
        hand.until_heard(receiver)
        hand("press", 1, 70)
        hand("press", 4, 70)
        wait_for(lambda: (0x90, pitch(4)) in receiver.notes(), "the chord")
        stop(process)
        assert process.returncode == 0
    wait_for(lambda: receiver.state()["silenced"], "the end of active sensing")
    sounding = set()
    for status, data in receiver.notes():
        (sounding.add if status == 0x90 else sounding.remove)(data)
    assert not sounding


def test_active_sensing_is_on_the_wire_and_a_program_that_is_killed_is_silenced(tmp_path, toy_model):
    port, name = free_port(), f"pianogenie-kill-{os.getpid()}"
    with (
        jackd(name, synchronous=False) as found,
        receiving(environment := quiet_environment(tmp_path, **found)) as receiver,
        player(environment, toy_model, port, "--profile", "disklavier") as process,
    ):
        hand = Hand(port)
        hand.until_heard(receiver)
        hand("press", 1, 70)
        wait_for(lambda: (0x90, pitch(1)) in receiver.notes(), "the note")
        wait_for(lambda: sum(m[1] == 0xFE for m in receiver.state()["heard"]) >= 10, "active sensing")
        assert receiver.state()["silenced"] is None, "active sensing came too late once"
        process.send_signal(signal.SIGKILL)
        process.wait(20)
        wait_for(lambda: receiver.state()["silenced"], "the receiver to silence itself")
        state = receiver.state()
    assert (0x80, pitch(1)) not in [tuple(m[1:3]) for m in state["heard"]], "killed, it can have let go of nothing"
    # The last thing that it heard, and 0.3 s of nothing.
    assert 0.3 < state["silenced"] - state["heard"][-1][0]


def test_a_port_that_is_out_for_a_quarter_of_a_second_is_missed_and_taken_back(environment, receiver, toy_model):
    """No device on USB is quicker."""
    port = free_port()
    with player(environment, toy_model, port) as process:
        hand = Hand(port)
        hand.until_heard(receiver)
        hand("press", 1, 70)
        wait_for(lambda: (0x90, pitch(1)) in receiver.notes(), "the note")
        receiver.tell("pull")
        time.sleep(0.25)
        receiver.tell("plug")
        receiver.tell("forget")
        said(process, "is back")
        hand("release", 1)
        wait_for(lambda: (0x80, pitch(1)) in receiver.notes(), "its note-off")
        stop(process)


@contextlib.contextmanager
def standing_still(name):
    """A JACK server of this name for the length of a block."""
    server = pid_of("jackd", name)
    os.kill(server, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(server, signal.SIGCONT)


class Ear:
    """Hears the notes of an OSC output."""

    def __init__(self, listener):
        self._listener = listener
        self.notes = 0

    def listen(self):
        with contextlib.suppress(BlockingIOError):
            while True:
                self.notes += OscPacket(self._listener.recv(999)).messages[0].message.address.endswith("note")
        return self.notes


def test_who_plays_on_while_a_jack_server_stands_still_is_heard_elsewhere(tmp_path, toy_model):
    """python-rtmidi keeps 2,340 messages for it and waits then, and the whole program with it."""
    port, name, presses = free_port(), f"pianogenie-still-{os.getpid()}", 1300
    with (
        jackd(name) as found,
        receiving(environment := quiet_environment(tmp_path, **found)) as receiver,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener,
    ):
        listener.bind(("127.0.0.1", 0))
        listener.setblocking(False)
        ear = Ear(listener)
        other = f"127.0.0.1:{listener.getsockname()[1]}"
        with player(environment, toy_model, port, "--osc-out", other) as process:
            hand = Hand(port)
            hand.until_heard(receiver)
            time.sleep(0.2)
            before = ear.listen()
            with standing_still(name):
                for count in range(1, presses + 1):
                    hand("press", 1, 70)
                    hand("release", 1)
                    if count % 50 == 0:
                        wait_for(lambda: ear.listen() >= before + 2 * count, f"press {count}")  # noqa: B023
                said(process, "lost piano-one")
            said(process, "is back")
            receiver.tell("forget")
            hand("press", 3, 70)
            hand("release", 3)
            wait_for(lambda: (0x80, pitch(3)) in receiver.notes(), "a note")
            _out, errors = stop(process)
            assert process.returncode == 0 and "Traceback" not in errors


def test_a_jack_server_that_stands_still_does_not_keep_a_controller_nor_the_recording(tmp_path, toy_model):
    port, name, music = free_port(), f"pianogenie-keeps-{os.getpid()}", tmp_path / "music"
    with jackd(name) as found:
        environment = quiet_environment(tmp_path, **found)
        keys = [sys.executable, "-m", "tests.e2e.midi_devices", "keys", "keys"]
        play = [*PIANOGENIE, "play", "--headless", "--no-sound", "--model", str(toy_model), "--midi-in", "keys"]
        with running(keys, env=environment, stdin=subprocess.PIPE) as controller:
            assert controller.stdout.readline()
            with running([*play, "--osc-in", str(port), "--record", str(music)], env=environment) as process:
                said(process, "plays from")
                controller.stdin.write("90 3c 40\n")
                controller.stdin.flush()
                wait_for(lambda: list(music.glob("*.journal")), "the recording")
                with standing_still(name):
                    _out, errors = stop(process)
                    assert process.returncode == 0, errors
                    assert len(list(music.glob("*.mid"))) == 1
            controller.stdin.close()
            controller.wait(20)


def test_hammers_have_their_time_to_fall_back_on_the_wire_too(tmp_path, toy_model):
    """JACK hands on once a period what came at any time within it; here that is half of the time that they need."""
    port, name = free_port(), f"pianogenie-slow-{os.getpid()}"
    with (
        jackd(name, period=1024) as found,
        receiving(environment := quiet_environment(tmp_path, **found)) as receiver,
        player(environment, toy_model, port, "--profile", "disklavier") as process,
    ):
        hand = Hand(port)
        hand.until_heard(receiver)
        receiver.tell("forget")
        for _ in range(150):
            hand("press", 1, 70)
            time.sleep(0.013)
            hand("release", 1)
            time.sleep(0.004)
        stop(process)
        heard = [(m[0], m[1]) for m in receiver.state()["heard"] if m[1] & 0xE0 == 0x80 and m[2] == pitch(1)]
    apart = [after - before for (before, off), (after, on) in itertools.pairwise(heard) if (off, on) == (0x80, 0x90)]
    assert len(apart) >= 10 and min(apart) > 0.035, sorted(apart)[:5]


def test_a_port_of_our_own_is_there_again_when_jack_is(jack, tmp_path, toy_model):
    # Beside another server: what is swept after the last one, a program that outlives it would miss.
    port, name = free_port(), f"pianogenie-own-{os.getpid()}"
    with contextlib.ExitStack() as first:
        environment = quiet_environment(tmp_path, **first.enter_context(jackd(name)))
        command = [*PIANOGENIE, "play", "--headless", "--no-sound", "--no-record", "--osc-in", str(port)]
        with running([*command, "--virtual-midi", "--model", str(toy_model)], env=environment) as process:
            said(process, "plays from")
            Hand(port)("press", 1, 70)
            first.close()
            said(process, "lost Pianogenie (virtual)")
            with jackd(name):
                said(process, "Pianogenie (virtual) is back")
                listed = [sys.executable, "-m", "pianogenie", "devices"]
                inputs = subprocess.run(listed, env=environment, capture_output=True, text=True, timeout=60).stdout
                assert "  Pianogenie:Pianogenie " in inputs, "as it was called before"
                _out, errors = stop(process)
            assert process.returncode == 0 and "Traceback" not in errors


def test_two_names_of_one_port_are_refused(environment, receiver, toy_model):
    with player(environment, toy_model, free_port(), "--midi-out", "piano-one:in") as process:
        _out, errors = process.communicate(timeout=60)
    assert process.returncode == 2
    assert errors.splitlines()[-1].startswith("pianogenie: piano-one:in: piano-one:in is played on already")
