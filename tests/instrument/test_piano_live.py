"""The live piano, in a process of its own, through SDL's disk driver: what it sends to the speaker is a file."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from tests.instrument.piano_ears import RATE_HZ, cents_off, level, stretches

OPENED = """
import time
from pianogenie.events import NoteOff, NoteOn, Pedal
from pianogenie.outputs.piano import PianoOutput
piano = PianoOutput()
began = time.perf_counter()
def on(key, velocity=90): piano.send(NoteOn(key, velocity, 0, time.perf_counter() - began))
def off(key): piano.send(NoteOff(key, time.perf_counter() - began))
def pedal(value): piano.send(Pedal(value, time.perf_counter() - began))
"""


def run(code: str, driver: str, file: Path | None = None) -> subprocess.CompletedProcess:
    env = dict(os.environ, SDL_AUDIODRIVER=driver, SDL_DISKAUDIOFILE=str(file))
    return subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, timeout=120)


def played(tmp_path: Path, code: str) -> np.ndarray:
    """Run `code` once the piano is open, close it; what was heard, float64 (frames, 2)."""
    file = tmp_path / "heard.raw"
    done = run(f"{OPENED}\n{code}\npiano.close()\n", "disk", file)
    assert done.returncode == 0 and done.stderr == "" and done.stdout == "", done.stderr
    return np.frombuffer(file.read_bytes(), "<i2").reshape(-1, 2) / 32768


def part(sound: np.ndarray, span: tuple[float, float]) -> np.ndarray:
    return sound[round(span[0] * RATE_HZ) : round(span[1] * RATE_HZ)]


def test_what_is_sent_is_heard_and_damped(tmp_path):
    sound = played(
        tmp_path,
        """
for key in (40, 47, 56):
    on(key); time.sleep(0.5); off(key); time.sleep(0.6)
""",
    )
    spans = stretches(sound)
    assert len(spans) == 3
    for key, span in zip((40, 47, 56), spans, strict=True):
        assert abs(cents_off(part(sound, span), key)) < 20
        assert 0.4 < span[1] - span[0] < 1.0


def test_a_panic_cuts_everything_and_play_goes_on(tmp_path):
    sound = played(
        tmp_path,
        """
pedal(127)
for key in (40, 47): on(key, 100)
time.sleep(0.5)
piano.panic(time.perf_counter() - began)
time.sleep(0.5)
on(56); time.sleep(0.4); off(56); time.sleep(0.4)
""",
    )
    first, second = stretches(sound)
    assert 0.4 < first[1] - first[0] < 0.75, "neither the pedal nor the keys hold on"
    assert second[1] - second[0] < 0.9, "and the pedal is up"
    assert abs(cents_off(part(sound, second), 56)) < 20


def test_velocity_pedal_and_restrike_live(tmp_path):
    sound = played(
        tmp_path,
        """
piano.wait_until_loaded()
on(40, 30); time.sleep(0.2); off(40); time.sleep(0.7)
on(40, 120); time.sleep(0.2); off(40); time.sleep(0.7)
pedal(127); on(40); off(40); time.sleep(0.5); on(40); off(40); time.sleep(0.5); pedal(0); time.sleep(0.5)
""",
    )
    spans = stretches(sound)
    assert len(spans) == 3
    soft, loud, pedalled = (part(sound, span) for span in spans)
    assert level(loud, 0, 0.15) > 4 * level(soft, 0, 0.15)
    assert len(pedalled) > 0.9 * RATE_HZ
    assert level(pedalled, 0.5, 0.7) > level(pedalled, 0.3, 0.45), "the second strike is heard"


def test_live_is_as_loud_as_offline(tmp_path):
    from pianogenie.events import NoteOn
    from pianogenie.piano.offline import render_wav
    from tests.instrument.piano_ears import heard

    render_wav([NoteOn(40, 80, 0, 0.0)], tmp_path / "offline.wav")
    offline = heard(tmp_path / "offline.wav")
    live = played(tmp_path, "piano.wait_until_loaded(); on(40, 80); time.sleep(0.5)")
    start = round(stretches(live)[0][0] * RATE_HZ)
    ratio = level(live[start:], 0, 0.3) / level(offline, 0, 0.3)
    assert 0.97 < ratio < 1.03


def test_a_channel_left_turned_down_by_a_fade_plays_at_full_volume_again(tmp_path):
    """SDL_mixer leaves it so when a sound ends while it is being faded."""
    sound = played(
        tmp_path,
        """
piano.wait_until_loaded()
import pygame
on(40); time.sleep(0.3); off(40); time.sleep(0.5)
for number in range(pygame.mixer.get_num_channels()): pygame.mixer.Channel(number).set_volume(0.1)
on(40); time.sleep(0.3); off(40); time.sleep(0.5)
""",
    )
    first, second = (part(sound, span) for span in stretches(sound))
    assert 0.95 < level(second, 0, 0.2) / level(first, 0, 0.2) < 1.05


def test_closing_fades_and_is_final(tmp_path):
    sound = played(
        tmp_path,
        """
for key in range(20, 60, 3): on(key)
time.sleep(0.4)
piano.close()
on(40)
""",
    )
    [(_, end)] = stretches(sound)
    assert len(sound) / RATE_HZ - end < 0.3
    levels = [level(sound, end - back, end - back + 0.01) for back in (0.05, 0.03, 0.02, 0.01)]
    assert levels == sorted(levels, reverse=True), "faded"
    assert levels[-1] < 0.3 * levels[0]
    assert not sound[-100:].any()


def test_keys_can_be_played_before_their_sounds_are_loaded():
    code = f"""{OPENED}
for velocity in (20, 70, 120):
    for key in range(0, 88, 9): on(key, velocity)
piano.close()
assert piano.trouble is None
"""
    assert run(code, "dummy").returncode == 0


def test_pygame_quit_before_close_does_no_harm():
    code = f"""{OPENED}
import pygame
on(40)
pygame.quit()
on(41); off(40)
piano.close()
"""
    assert run(code, "dummy").returncode == 0


def test_closing_while_another_thread_plays_does_no_harm():
    code = f"""{OPENED}
import threading
def play():
    for number in range(3000): on(number % 88); off(number % 88)
player = threading.Thread(target=play)
player.start()
time.sleep(0.02)
piano.close()
piano.close()
player.join()
"""
    assert run(code, "dummy").returncode == 0


def test_a_broken_sample_is_told_and_the_rest_plays_on(tmp_path):
    code = f"""
import shutil
from pathlib import Path
from pianogenie import paths
import pianogenie.piano.samples as samples
shutil.copytree(paths.assets_dir() / "piano", r"{tmp_path}/piano")
Path(r"{tmp_path}/piano/060-mid.ogg").write_bytes(b"broken")
samples.assets_dir = lambda: Path(r"{tmp_path}")
{OPENED}
piano.wait_until_loaded()
assert piano.loaded() == 1
for key in range(88): on(key, 80)
piano.close()
assert "060-mid.ogg" in piano.trouble, piano.trouble
"""
    done = run(code, "dummy")
    assert done.returncode == 0, done.stderr


def test_no_sound_device_is_one_clear_line():
    code = """
from pianogenie.errors import UserError
try:
    from pianogenie.outputs.piano import PianoOutput
    PianoOutput()
except UserError as error:
    print(error)
"""
    done = run(code, "no-such-driver")
    assert done.returncode == 0 and done.stderr == ""
    assert done.stdout.count("\n") == 1
    assert "--no-sound" in done.stdout
