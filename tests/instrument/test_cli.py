"""The command line as a person meets it: what it writes, and what it says of bad input."""

import json
import signal
import subprocess

import mido
import numpy as np
import pytest
import soundfile

from pianogenie.dynamics import DEFAULT_VELOCITY
from tests.e2e.programs import PIANOGENIE, quiet_environment, running, stop, wait_for
from tests.toymodel import button_key, write_model


@pytest.fixture
def run(tmp_path):
    def call(*words, **environment):
        return subprocess.run(
            [*PIANOGENIE, *map(str, words)],
            cwd=tmp_path,
            env=quiet_environment(tmp_path, **environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
        )

    return call


def write_performance(path, events):
    path.write_text(json.dumps({"format": "pianogenie-performance/1", "num_buttons": 8, "events": events}))
    return path


def fails_with_one_line(result, *said):
    assert result.returncode == 2, result.stderr
    assert "Traceback" not in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1, result.stderr
    for words in said:
        assert str(words) in result.stderr


def test_demo_needs_neither_display_nor_sound_card(run, tmp_path, toy_model):
    result = run("demo", "--seconds", 20, "--model", toy_model, "--out", "d.mid", "--out", "d.wav")
    assert result.returncode == 0, result.stderr
    notes = [m for m in mido.MidiFile(tmp_path / "d.mid") if m.type == "note_on"]
    assert len(notes) >= 40
    sound, rate = soundfile.read(tmp_path / "d.wav")
    assert len(sound) / rate >= 18
    assert np.sqrt((sound**2).mean()) > 0.01, "silent"
    assert np.abs(sound).max() < 0.999, "clips"


def test_render_gives_the_same_bytes_for_the_same_seed(run, tmp_path):
    model = write_model(tmp_path / "m", spread=0.3)
    assert run("demo", "--seconds", 5, "--model", model, "--out", "p.json").returncode == 0
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        outs = ("--out", f"{name}.mid", "--out", f"{name}.wav")
        result = run("render", "p.json", *outs, "--model", model, "--seed", seed, "--temperature", 1)
        assert result.returncode == 0, result.stderr
    for suffix in ("mid", "wav"):
        a, b, c = ((tmp_path / f"{name}.{suffix}").read_bytes() for name in "abc")
        assert a == b != c


def test_render_of_a_press_is_a_note(run, tmp_path, toy_model):
    events = [
        {"time": 0.5, "type": "press", "button": 2, "velocity": 77},
        {"time": 1.0, "type": "release", "button": 2},
    ]
    write_performance(tmp_path / "p.json", events)
    assert run("render", "p.json", "--out", "p.mid", "--model", toy_model).returncode == 0
    notes = [m for m in mido.MidiFile(tmp_path / "p.mid") if m.type in ("note_on", "note_off")]
    assert [(m.type, m.note, round(m.time, 2)) for m in notes] == [("note_on", 52, 0.5), ("note_off", 52, 0.5)]
    assert notes[0].velocity == 77


def test_bad_performances(run, tmp_path, toy_model):
    (tmp_path / "no.json").write_text("{")
    fails_with_one_line(run("render", "no.json", "--out", "x.mid", "--model", toy_model), "no.json", "not JSON")
    write_performance(tmp_path / "bad.json", [{"time": 0, "type": "bend"}])
    fails_with_one_line(run("render", "bad.json", "--out", "x.mid", "--model", toy_model), "bad.json", "event 1")
    fails_with_one_line(run("render", "none.json", "--out", "x.mid", "--model", toy_model), "none.json")
    write_performance(tmp_path / "eight.json", [])
    four = write_model(tmp_path / "four", 4)
    fails_with_one_line(run("render", "eight.json", "--out", "x.mid", "--model", four), "eight.json", "8", "four", "4")
    assert not (tmp_path / "x.mid").exists()


def test_a_rendering_that_is_stopped_leaves_nothing_behind(tmp_path, toy_model):
    command = [*PIANOGENIE, "demo", "--seconds", "3600", "--model", str(toy_model), "--out", str(tmp_path / "x.wav")]
    with running(command, env=quiet_environment(tmp_path)) as process:
        wait_for(lambda: list(tmp_path.glob(".x-*.wav")), "the file it writes to")
        stop(process, signal.SIGTERM)
    assert process.returncode == 128 + signal.SIGTERM
    assert not list(tmp_path.glob("*.wav")) and not list(tmp_path.glob(".x-*"))


@pytest.mark.parametrize("option", ["--temperature", "--seconds"])
def test_what_is_not_a_number_is_refused(run, tmp_path, toy_model, option):
    result = run("demo", option, "nan", "--model", toy_model, "--out", "x.mid")
    assert result.returncode == 2 and option in result.stderr and not (tmp_path / "x.mid").exists()


def test_bad_outputs(run, tmp_path, toy_model):
    (tmp_path / "file").write_text("kept")
    for name in ("x.mid", "x.wav", "x.json"):
        out = f"file/{name}"
        fails_with_one_line(run("demo", "--seconds", 2, "--out", out, "--model", toy_model), out, "cannot be written")
    fails_with_one_line(run("demo", "--out", "x.ogg", "--model", toy_model), "x.ogg", ".wav")
    assert sorted(p.name for p in tmp_path.iterdir() if not p.name.startswith(".")) == ["file"]


def test_bad_models(run, tmp_path):
    fails_with_one_line(run("demo", "--out", "x.mid", "--model", "nosuch"), "nosuch")
    folder = write_model(tmp_path / "m")
    (folder / "decoder.onnx").write_bytes(b"junk")
    fails_with_one_line(run("demo", "--out", "x.mid", "--model", folder), "decoder.onnx", "checksum")
    assert not (tmp_path / "x.mid").exists()


def test_a_port_that_does_not_exist(run, toy_model):
    result = run("demo", "--seconds", 2, "--model", toy_model, "--midi-out", "no such piano")
    fails_with_one_line(result, "no such piano", "no such MIDI output")


def test_play_with_neither_display_nor_terminal_points_to_the_demo(run, toy_model):
    fails_with_one_line(run("play", "--model", toy_model), "neither a display nor a terminal", "pianogenie demo")


def test_a_record_folder_that_cannot_be(run, tmp_path, toy_model):
    (tmp_path / "file").write_text("")
    result = run("demo", "--seconds", 1, "--no-sound", "--model", toy_model, "--record", "file/deep")
    fails_with_one_line(result, "file/deep")
    result = run("demo", "--no-sound", "--model", toy_model, "--record", "music", "--no-record")
    fails_with_one_line(result, "contradict")


def test_an_empty_name_of_a_port_is_no_name(run, toy_model):
    fails_with_one_line(run("demo", "--model", toy_model, "--midi-out", ""), "--midi-out", "empty")


def test_dynamics(run, tmp_path):
    model = write_model(tmp_path / "m", velocity=True, softest=20)
    events = [{"time": i, "type": "press", "button": i, "velocity": v} for i, v in enumerate((99, None))]
    write_performance(tmp_path / "p.json", events)

    def velocities(*options):
        result = run("render", "p.json", "--out", "p.mid", "--model", model, "--temperature", 0, *options)
        assert result.returncode == 0, result.stderr
        return [m.velocity for m in mido.MidiFile(tmp_path / "p.mid") if m.type == "note_on"]

    expected = [round(20 + key / 2) for key in map(button_key, range(2))]
    assert velocities() == [99, expected[1]]
    assert velocities("--dynamics", "input") == [99, DEFAULT_VELOCITY]
    assert velocities("--dynamics", "genie") == expected
    assert velocities("--dynamics", "fixed:33") == [33, 33]
    for wrong in ("loud", "fixed:0", "fixed:128", "fixed:", "fixed:9e1", "fixed:" + "9" * 5000, ""):
        fails_with_one_line(run("render", "p.json", "--out", "x.mid", "--dynamics", wrong), "--dynamics", "fixed:N")


def test_the_settings_file_stands_in_for_options(run, tmp_path, toy_model):
    settings = tmp_path / "genie.toml"
    settings.write_text(f'# mine\n[play]\nmodel = "{toy_model}"\ndynamics = "fixed:33"\n')
    write_performance(tmp_path / "p.json", [{"time": 0, "type": "press", "button": 2, "velocity": 77}])

    def note(*options, **environment):
        result = run("render", "p.json", "--out", "p.mid", *options, **environment)
        assert result.returncode == 0, result.stderr
        return [(m.note, m.velocity) for m in mido.MidiFile(tmp_path / "p.mid") if m.type == "note_on"]

    assert note("--config", settings) == note(PIANOGENIE_CONFIG=str(settings)) == [(52, 33)]
    assert note("--config", settings, "--dynamics", "input") == [(52, 77)], "the command line comes first"
    settings.write_text('[play]\n\nmodel = "nosuch"\n')
    fails_with_one_line(run("render", "p.json", "--out", "x.mid", "--config", settings), "genie.toml: line 3", "nosuch")
    settings.write_text("[play]\n\nmodell = 3\n")
    fails_with_one_line(run("render", "p.json", "--out", "x.mid", "--config", settings), "line 3", "modell", "model?")
    fails_with_one_line(run("render", "p.json", "--out", "x.mid", "--config", "none.toml"), "none.toml", "no such")


@pytest.mark.parametrize(
    "entry, said",
    [
        ('profile = "disklavie"', ["no such profile"]),
        ('profile = "mine.toml"', ["elsewhere/mine.toml", "cannot be read"]),
        ('osc_out = "foo"', ["HOST:PORT"]),
        ('record_dir = "/dev/null/music"', ["cannot record there"]),
    ],
)
def test_what_is_set_and_cannot_be_is_named_with_its_line(run, tmp_path, toy_model, entry, said):
    (tmp_path / "elsewhere").mkdir()
    settings = tmp_path / "elsewhere" / "genie.toml"
    settings.write_text(f"[play]\nsound = false\n{entry}\n")
    result = run("demo", "--seconds", 1, "--model", toy_model, "--config", settings)
    fails_with_one_line(result, f"genie.toml: line 3: play.{entry.split()[0]}: ", *said)


def test_a_profile_of_ones_own_lies_beside_the_settings(run, tmp_path, toy_model):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "mine.toml").write_text("most_keys = true\n")
    settings = tmp_path / "elsewhere" / "genie.toml"
    settings.write_text('[play]\nsound = false\nprofile = "mine.toml"\n')
    result = run("demo", "--seconds", 1, "--model", toy_model, "--config", settings)
    fails_with_one_line(result, "mine.toml: line 1: most_keys")


def test_config_shows_what_counts_and_why(run, tmp_path):
    settings = tmp_path / "genie.toml"
    shown = run("config", "--config", settings)
    assert shown.returncode == 0 and str(settings) in shown.stdout and "--create" in shown.stdout
    assert run("config", "--config", settings, "--create").returncode == 0
    fails_with_one_line(run("config", "--config", settings, "--create"), "there already")
    with open(settings, "a") as file:
        file.write("\n[play.none]\n")
    fails_with_one_line(run("config", "--config", settings), "none")
    settings.write_text("[play]\nrecord = false\ntemperature = 0.5\n")
    shown = run("config", "--config", settings, "--temperature", 0.75, "--record", tmp_path, "--midi-in", "pads").stdout
    lines = {line.split(" = ")[0]: line for line in shown.splitlines() if " = " in line}
    assert "0.75" in lines["temperature"] and "option --temperature" in lines["temperature"]
    assert lines["record"].split() == ["record", "=", "false", "#", "line", "2"]
    assert lines["sound"].endswith("# default") and lines["midi_in"].startswith('midi_in = ["pads"]')


def test_recording_that_the_settings_forbid_is_asked_for_by_name(run, tmp_path, toy_model):
    (tmp_path / "genie.toml").write_text("[play]\nrecord = false\nsound = false\n")
    words = ("demo", "--config", "genie.toml", "--seconds", 1, "--model", toy_model)
    assert run(*words).returncode == 0 and not list(tmp_path.rglob("*.mid"))
    assert run(*words, "--record", "music").returncode == 0 and list((tmp_path / "music").glob("*.mid"))


def test_bench_prints_the_step(run, toy_model):
    figures = json.loads(run("bench", "--model", toy_model, "--steps", 200, "--json").stdout)
    assert 0 < figures["decoder_step_us"]["p50"] <= figures["press_us"]["p99"]


def test_devices_and_models_list_what_is_there(run):
    listed = run("devices")
    assert listed.returncode == 0, listed.stderr
    for section in ("MIDI outputs", "MIDI inputs", "Gamepads", "Audio outputs"):
        assert section in listed.stdout
    listed = run("models")
    assert listed.returncode == 0 and "classical" in listed.stdout and "licence" in listed.stdout


@pytest.mark.parametrize("command", [[], ["play"], ["demo"], ["render"], ["train"], ["train", "prepare"]])
def test_help(run, command):
    result = run(*command, "--help")
    assert result.returncode == 0 and "Usage" in result.stdout


def test_training_without_torch_says_how_to_get_it(run, tmp_path):
    """A path on which importing torch fails stands in for an installation without the extra."""
    (tmp_path / "sitecustomize.py").write_text(
        "import importlib.util as u\nfind = u.find_spec\n"
        "u.find_spec = lambda name, *a: None if name == 'torch' else find(name, *a)\n"
    )
    result = run("train", "prepare", "x", "--out", "y", PYTHONPATH=str(tmp_path))
    fails_with_one_line(result, "torch", "pip install", "[train]")
