"""Small MIDI files to train on, made here: no test needs a collection."""

import zipfile
from pathlib import Path

import mido
import numpy as np
import pytest

from . import quickly

torch = pytest.importorskip("torch", reason="the trainer needs the extra `train`: pip install '.[train]'")
# On a busy machine two threads of a network this small spend their time waiting for each other.
torch.set_num_threads(1)


@pytest.fixture(scope="session")
def start():
    """Starts a command of `pianogenie` (quickly.py)."""
    with quickly.server() as starts:
        yield starts


def midi_file(path: Path, notes, *, channel: int = 0, tempo_us: int = 500_000, more=()) -> Path:
    """Write notes (pitch, start s, end s, velocity) at a constant tempo; `more` holds (channel, notes) tracks."""
    file = mido.MidiFile(ticks_per_beat=480)
    ticks_a_second = 480 * 1e6 / tempo_us
    for number, (track_channel, track_notes) in enumerate([(channel, notes), *more]):
        track = mido.MidiTrack()
        if number == 0:
            track.append(mido.MetaMessage("set_tempo", tempo=tempo_us))
        events = []
        for pitch, start, end, velocity in track_notes:
            events.append((round(start * ticks_a_second), 1, pitch, velocity))
            events.append((round(end * ticks_a_second), 0, pitch, 0))
        now = 0
        for tick, _, pitch, velocity in sorted(events):
            track.append(mido.Message("note_on", note=pitch, velocity=velocity, time=tick - now, channel=track_channel))
            now = tick
        file.tracks.append(track)
    path.parent.mkdir(parents=True, exist_ok=True)
    file.save(path)
    return path


def music(seed: int, count: int = 300):
    """Something with a pattern to it: a wandering scale, with chords now and then."""
    rng = np.random.default_rng(seed)
    notes, here, now = [], 60, 0.0
    for _ in range(count):
        here = int(np.clip(here + rng.choice([-2, -1, 1, 2]), 40, 90))
        notes.append((here, now, now + 0.2, int(rng.integers(30, 100))))
        now += float(rng.choice([0.0, 0.125, 0.25]))
    return notes


@pytest.fixture(scope="session")
def collection(tmp_path_factory) -> Path:
    """A folder with train/ and validation/."""
    root = tmp_path_factory.mktemp("collection")
    for seed in range(4):
        midi_file(root / "train" / f"{seed}.mid", music(seed))
    midi_file(root / "validation" / "held-out.mid", music(100))
    return root


@pytest.fixture(scope="session")
def data(collection, tmp_path_factory) -> Path:
    """The collection, prepared."""
    from pianogenie_train.prepare import prepare

    out = tmp_path_factory.mktemp("prepared") / "data"
    prepare([str(collection)], out, jobs=1)
    return out


@pytest.fixture(scope="session")
def small_run(data, tmp_path_factory) -> Path:
    """A run of a few steps on it, of a small network."""
    from pianogenie_train import config, loop
    from pianogenie_train.data import Prepared

    out = tmp_path_factory.mktemp("runs") / "small"
    settings = config.named("paper").but(rnn_dim=16, batch_size=4, window=32, steps=6, lr=0.01, validate_every=3)
    run = loop.new_run(out, settings, "paper", Prepared(data), "pianogenie train fit")
    loop.fit(run, device="cpu")
    return out


def zipped(folder: Path, out: Path) -> Path:
    """A folder's files as a zip."""
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.write(path, path.relative_to(folder).as_posix())
    return out


@pytest.fixture(scope="session")
def small_model(small_run, tmp_path_factory) -> Path:
    """That run, exported. (An export takes seconds, most of them torch's; so once for all tests.)"""
    from pianogenie_train.export import Provenance, export

    out = tmp_path_factory.mktemp("models") / "small"
    export(
        small_run,
        out,
        Provenance("made-up music", "CC0-1.0", "CC0-1.0", notes=("It has heard little.",)),
        command="pianogenie train export",
    )
    return out
