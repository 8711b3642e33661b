"""The readers. A target takes any bytes as the file that it reads, and answers whether it was good.

A bad one makes it raise UserError; all else is a fault.
"""

import functools
import hashlib
import io
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pianogenie.errors import UserError
from pianogenie.events import NoteOff, NoteOn, Press, Release


@dataclass(frozen=True)
class Target:
    """A reader: good files to begin with, and words of its language to put into them."""

    check: Callable[[bytes, Path], object]
    seeds: Callable[[], list[bytes]]
    words: tuple[bytes, ...] = ()
    longest: int = 4096

    def __call__(self, data: bytes, folder: Path) -> bool:
        """Whether the bytes were read; False if they were refused, in one line that names the file."""
        try:
            self.check(data, folder)
        except UserError as error:
            assert str(error).startswith(str(folder)) and "\n" not in str(error), f"not one clear line: {error}"
            return False
        return True


def written(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


# Performances and recordings


def _performance(data: bytes, folder: Path) -> None:
    from pianogenie.performance import load_performance, save_performance

    performance = load_performance(written(folder, "x.json", data))
    times = [event.time for event in performance.events]
    assert times == sorted(times) and all(time >= 0 for time in times)
    save_performance(performance, folder / "again.json")
    assert load_performance(folder / "again.json").events == performance.events


def _performances() -> list[bytes]:
    events = [
        {"time": 0.0, "type": "press", "button": 3, "velocity": None},
        {"time": 0.25, "type": "pedal", "value": 127},
        {"time": 0.5, "type": "release", "button": 3},
    ]
    whole = {"format": "pianogenie-performance/1", "num_buttons": 8, "events": events}
    return [json.dumps(whole, indent=indent).encode() for indent in (None, 1)]


def _journal(data: bytes, folder: Path) -> None:
    import mido

    from pianogenie.outputs.recorder import save
    from pianogenie.performance import load_performance

    performance, midi = save(written(folder, "x.journal", data))
    load_performance(performance)
    sounding = set()
    for message in mido.MidiFile(midi).tracks[0]:
        if message.type == "note_on":
            assert message.note not in sounding
            sounding.add(message.note)
        elif message.type == "note_off":
            sounding.remove(message.note)
    assert not sounding


def _journals() -> list[bytes]:
    from pianogenie.outputs import journal

    header = {"format": journal.FORMAT, "num_buttons": 8, "notes": ["seed 7"], "start": 0.0}
    played = [(Press(3, 0.5, 64),), NoteOn(40, 64, 3, 0.5), (Release(3, 0.75),), NoteOff(40, 0.75)]
    return [json.dumps(header).encode() + b"\n" + "".join(map(journal._line, played)).encode()]


# Settings and profiles


def _settings(data: bytes, folder: Path) -> None:
    from pianogenie.settings import load, remember

    path = written(folder, "pianogenie.toml", data)
    load(path)
    remember(("play",), {"sound": False}, path)
    assert not load(path)[0].play.sound


def _settings_files() -> list[bytes]:
    play = b'[play]\nmodel = "classical"\ntemperature = 0.3 # warm\nmidi_out = ["a", "b"]\nsound = true\n'
    return [play, b'[midi."Keystation [1]"]\nnotes = [36, 38]\n']


def _profile(data: bytes, folder: Path) -> None:
    from pianogenie.profiles import load_profile

    profile = load_profile.__wrapped__(written(folder, "x.toml", data))
    assert len(profile.pitches()) == 88 and all(0 <= pitch <= 127 for pitch in profile.pitches())
    assert all(1 <= velocity <= 127 for velocity in profile.velocities()[1:])


def _profiles() -> list[bytes]:
    from pianogenie.paths import assets_dir

    return [path.read_bytes() for path in sorted((assets_dir() / "profiles").glob("*.toml"))]


# Model folders


@functools.cache
def _toy() -> dict[str, bytes]:
    import tempfile

    from tests.toymodel import write_model

    with tempfile.TemporaryDirectory() as folder:
        made = write_model(Path(folder) / "toy", velocity=True)
        return {name: (made / name).read_bytes() for name in ("model.json", "decoder.onnx")}


def _played(folder: Path) -> None:
    from pianogenie.genie import Genie
    from pianogenie.model import load_model

    genie = Genie(load_model(folder), seed=1)
    for number in range(4):
        key, velocity = genie.press(number % 2, number / 4)
        assert 0 <= key <= 87 and 1 <= velocity <= 127


def _decoder(data: bytes, folder: Path) -> None:
    card = json.loads(_toy()["model.json"])
    card["sha256"]["decoder.onnx"] = hashlib.sha256(data).hexdigest()
    written(folder, "model.json", json.dumps(card).encode())
    written(folder, "decoder.onnx", data)
    _played(folder)


def _card(data: bytes, folder: Path) -> None:
    written(folder, "decoder.onnx", _toy()["decoder.onnx"])
    written(folder, "model.json", data)
    _played(folder)


# The trainer's


def _midi(data: bytes, _folder: Path) -> None:
    import numpy as np
    from pianogenie_train.parse import LONGEST_FILE_S, BrokenFile, parse

    try:
        notes = parse(data)
    except BrokenFile as error:
        assert "\n" not in str(error)
        raise UserError(f"{_folder}: {error}") from error
    assert len(notes) and (notes.keys <= 87).all() and (notes.velocities >= 1).all()
    assert np.isfinite(notes.onsets).all() and (np.diff(notes.onsets) >= 0).all()
    assert 0 <= notes.onsets[0] and notes.onsets[-1] <= LONGEST_FILE_S
    assert np.isfinite(notes.durations).all() and (notes.durations >= 0).all()


def _midi_files() -> list[bytes]:
    import mido

    files = []
    for kind in (0, 1):
        tracks = [mido.MidiTrack() for _ in range(kind + 1)]
        tracks[0].append(mido.MetaMessage("set_tempo", tempo=400_000))
        for channel in (0, 9):
            for pitch in (60, 64, 67):
                tracks[-1].append(mido.Message("note_on", note=pitch, velocity=80, time=10, channel=channel))
            tracks[-1].append(mido.Message("control_change", control=64, value=127, time=5))
            for pitch in (60, 64, 67):
                tracks[-1].append(mido.Message("note_off", note=pitch, time=300, channel=channel))
        buffer = io.BytesIO()
        mido.MidiFile(type=kind, tracks=tracks).save(file=buffer)
        files.append(buffer.getvalue())
    return files


@functools.cache
def _small_config():
    from pianogenie_train.config import Config

    return Config(rnn_dim=4, rnn_layers=1)


def _weights(data: bytes, folder: Path) -> None:
    from pianogenie_train import parents

    card = {"sha256": {parents.WEIGHTS: hashlib.sha256(data).hexdigest()}}
    parents._checked_weights(written(folder, parents.WEIGHTS, data), card, _small_config())


def _weights_files() -> list[bytes]:
    import safetensors.torch
    from pianogenie_train.model import Autoencoder

    return [safetensors.torch.save(Autoencoder(_small_config()).state_dict(), {"format": "x"})]


def _checkpoint(data: bytes, folder: Path) -> None:
    from pianogenie_train.runs import read_checkpoint

    read_checkpoint(written(folder, "last.ckpt", data), _small_config())


def _checkpoints() -> list[bytes]:
    import torch
    from pianogenie_train.model import Autoencoder

    state = {f"model.{name}": tensor for name, tensor in Autoencoder(_small_config()).state_dict().items()}
    buffer = io.BytesIO()
    torch.save({"state_dict": state, "pianogenie": {"config": _small_config().as_dict()}, "global_step": 3}, buffer)
    return [buffer.getvalue()]


def _run(data: bytes, folder: Path) -> None:
    from pianogenie_train.runs import open_run

    written(folder, "config.json", data)
    open_run(folder)


def _runs() -> list[bytes]:
    facts = {"format": "pianogenie-run/1", "config_name": "paper", "config": _small_config().as_dict(), "data": "d"}
    return [json.dumps(facts | {"notes": 3, "commands": ["fit"], "parent": None}, indent=1).encode()]


_JSON = tuple(b'{ } [ ] "": , null true -1 1e400 1e308 NaN 99999999999999999999 "\\ud800" 0.5'.split())
_TOML = tuple(b'[play] [[ ]] = \'\'\' """ # {a=1} a.b.c nan inf 1979-05-27 0xff true [gamepad."x"]'.split())
_MIDI = (b"MThd", b"MTrk", b"\xff\x51\x03", b"\xff\x2f\x00", b"\xf0", b"\xf7", b"\x90", b"\xff\xff\xff\x7f", b"\0\0")
_ONNX = (b"Loop", b"Scan", b"If", b"Gemm", b"Expand", b"com.microsoft", b"logits", b"\xff\xff\xff\xff\x07")

TARGETS: dict[str, Target] = {
    "performances": Target(_performance, _performances, (*_JSON, b'"events"', b'"press"', b'"pedal"')),
    "journals": Target(_journal, _journals, (*_JSON, b'["on",', b'["off",', b"\n")),
    "settings": Target(_settings, _settings_files, _TOML),
    "profiles": Target(_profile, _profiles, (*_TOML, b"keys", b"curve", b"[velocity]")),
    "model cards": Target(_card, lambda: [_toy()["model.json"]], (*_JSON, b'"sha256"', b'"num_buttons"')),
    "decoders": Target(_decoder, lambda: [_toy()["decoder.onnx"]], _ONNX, 8192),
    "MIDI files": Target(_midi, _midi_files, _MIDI),
    "weights": Target(_weights, _weights_files, (b"F32", b"BF16", b"data_offsets", b"shape"), 16_384),
    "checkpoints": Target(_checkpoint, _checkpoints, (b"cposix\nsystem\n", b"R.", b"PK\x03\x04", b"bytearray"), 32_768),
    "runs": Target(_run, _runs, _JSON),
}


def close_behind(folder: Path) -> None:
    """Remove what a target left in its folder."""
    for path in folder.iterdir():
        os.unlink(path)
