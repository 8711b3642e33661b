"""A real MIDI stack: a JACK server, our port, a SoundFont synthesizer that hears it."""

import contextlib
import glob
import json
import os
import signal
import subprocess
import sys
import threading

import numpy as np
import pytest
import soundfile

from tests.e2e.programs import PIANOGENIE, jackd, need, pid_of, quiet_environment, running, stop, wait_for
from tests.e2e.test_signals import check_books

SOUNDFONTS = ("/usr/share/sounds/sf2/TimGM6mb.sf2", "/usr/share/sounds/sf2/default-GM.sf2")


@pytest.fixture
def jack():
    # One each: a server is busy for a while with a client that a test has ended in mid-sentence, and takes no new ones.
    with jackd(f"pianogenie-{os.getpid()}") as environment:
        yield environment


@pytest.fixture
def environment(jack, tmp_path):
    return quiet_environment(tmp_path, **jack)


def demo(model, seconds):
    return [*PIANOGENIE, "demo", "--seconds", str(seconds), "--no-sound", "--model", str(model)]


def ports(environment, inputs=False):
    listed = subprocess.run([*PIANOGENIE, "devices"], env=environment, capture_output=True, text=True, timeout=60)
    section = "MIDI inputs" if inputs else "MIDI outputs"
    return listed.stdout.split(section, 1)[1].split("\n\n")[0].split("Gamepads")[0]


def test_a_synthesizer_sounds(environment, tmp_path, toy_model):
    need("fluidsynth")
    soundfont = next((s for s in SOUNDFONTS if os.path.exists(s)), None) or next(
        iter(glob.glob("/usr/share/sounds/sf2/*.sf2")), None
    )
    if soundfont is None:
        need("a SoundFont in /usr/share/sounds/sf2 (Debian: timgm6mb-soundfont)")
    heard = tmp_path / "heard.raw"
    synth = ["fluidsynth", "-i", "-q", "-m", "jack", "-a", "file", "-o", f"audio.file.name={heard}"]
    synth += ["-o", "audio.file.type=raw", "-o", "midi.jack.id=synth", "-r", "48000", soundfont]
    with running([*synth, "-s", "-o", f"shell.port={9800 + os.getpid() % 200}"], env=environment) as process:
        wait_for(lambda: "synth" in ports(environment), "fluidsynth's MIDI port", 60)
        played = subprocess.run(
            [*demo(toy_model, 5), "--no-record", "--midi-out", "synth"],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert played.returncode == 0, played.stderr
        stop(process)
    sound, _rate = soundfile.read(heard, format="RAW", samplerate=48000, channels=2, subtype="PCM_16", endian="LITTLE")
    loudness = np.sqrt((sound**2).mean(axis=1))
    assert loudness.max() > 0.02, "fluidsynth recorded silence"
    assert (loudness > 0.005).sum() > 48000, "less than a second of sound"


LISTEN = """
import rtmidi, signal, sys, json
signal.signal(signal.SIGTERM, lambda *_: sys.exit())
port = rtmidi.MidiIn(rtmidi.API_UNIX_JACK, name="listener")
port.ignore_types(sysex=False, timing=False, active_sense=False)
port.open_virtual_port("in")
heard = []
port.set_callback(lambda message, _: heard.append(message[0]))
print("ready", flush=True)
try:
    for _ in sys.stdin:
        print(json.dumps(heard), flush=True)
finally:
    port.delete()  # a synchronous JACK server waits five seconds for one that leaves without a word
"""


@contextlib.contextmanager
def heard_of(player, environment):
    """A program that plays to a listener, once there is music, and what the listener has heard when it has ended."""
    messages = []
    with running([sys.executable, "-c", LISTEN], env=environment, stdin=subprocess.PIPE) as listener:
        assert listener.stdout.readline().strip() == "ready"

        def heard():
            listener.stdin.write("?\n")
            listener.stdin.flush()
            return json.loads(listener.stdout.readline())

        with running([*player, "--midi-out", "listener"], env=environment) as player:
            # Not by looking for the port: for each program that comes and goes JACK rearranges everything.
            wait_for(lambda: len(heard()) > 25, "music", 60)
            yield player, messages
        messages += (message for message in heard() if len(message) == 3)


def what_sounds_after(messages):
    """What an instrument that knows All Notes Off sounds in the end, whatever was lost or came twice: keys, pedal."""
    sounding, pedal = set(), 0
    for status, data, value in messages:
        if status == 0x90 and value:
            sounding.add(data)
        elif status in (0x80, 0x90):
            sounding.discard(data)
        elif (status, data) == (0xB0, 64):
            pedal = value
        elif (status, data) == (0xB0, 123):
            sounding.clear()
    return sounding, pedal


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_whatever_signal_ends_it_no_note_is_left_sounding(environment, tmp_path, toy_model, ending):
    """A listener on the wire sees a note-off for every note-on and the pedal's zero before the port is gone."""
    record = tmp_path / "music"
    with heard_of([*demo(toy_model, 60), "--record", str(record)], environment) as (player, messages):
        _out, errors = stop(player, ending)
        assert player.returncode == 0, errors
        assert "Traceback" not in errors
    assert [0xB0, 64, 0] in messages and check_books(messages) >= 3
    assert len(list(record.glob("*.json"))) == len(list(record.glob("*.mid"))) == 1
    assert not list(record.glob(".*")), "something half-written was left behind"


@pytest.mark.parametrize("synchronous", [True, False])
def test_a_server_that_stands_still_at_the_end_is_waited_for(tmp_path, toy_model, synchronous):
    """As on a machine that is busy for a moment. python-rtmidi would close the port with the last bytes still in it."""
    name = f"pianogenie-{os.getpid()}"
    # A server that does not wait for its clients loses messages of those that are late: it gives them some time.
    with jackd(name, period=64 if synchronous else 1024, synchronous=synchronous) as jack:
        environment = quiet_environment(tmp_path, **jack)
        server = pid_of("jackd", name)
        with heard_of([*demo(toy_model, 60), "--no-record"], environment) as (player, messages):
            os.kill(server, signal.SIGSTOP)
            goes_on = threading.Timer(1.5, os.kill, (server, signal.SIGCONT))
            goes_on.start()
            _out, errors = stop(player)
            goes_on.join()
            assert player.returncode == 0, errors
    assert what_sounds_after(messages) == (set(), 0), messages
    if synchronous:
        assert [0xB0, 64, 0] in messages and check_books(messages) >= 3


def test_several_ports_of_one_name_are_listed(environment, toy_model):
    with (
        running(
            [sys.executable, "-c", LISTEN.replace("listener", "piano-a")], env=environment, stdin=subprocess.PIPE
        ) as a,
        running(
            [sys.executable, "-c", LISTEN.replace("listener", "piano-b")], env=environment, stdin=subprocess.PIPE
        ) as b,
    ):
        assert a.stdout.readline() and b.stdout.readline()
        result = subprocess.run(
            [*demo(toy_model, 2), "--no-record", "--midi-out", "PIANO"],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert result.returncode == 2 and "Traceback" not in result.stderr
    assert "piano-a:in" in result.stderr and "piano-b:in" in result.stderr


def test_a_virtual_port_is_seen_by_others(environment, toy_model):
    with running([*demo(toy_model, 30), "--no-record", "--virtual-midi"], env=environment):
        wait_for(lambda: "Pianogenie" in ports(environment, inputs=True), "the virtual port", 60)


def test_no_jack_is_no_noise(tmp_path):
    result = subprocess.run(
        [*PIANOGENIE, "devices"], env=quiet_environment(tmp_path), capture_output=True, text=True, timeout=60
    )
    assert result.returncode == 0 and result.stderr == ""
