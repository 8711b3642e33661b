"""How much memory a training or a preparation takes of its own: the peak of RssAnon, which leaves out mapped files.

    memory.py batches DATA... | memory.py fit DATA... | memory.py prepare COLLECTION...

One after the other, each in turn; a line of JSON each, MiB. Linux only.
"""

import json
import sys
import tempfile
import threading
from pathlib import Path

import numpy as np


def own_mib() -> float:
    """This process's anonymous memory."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("RssAnon:")[1].split()[0]) / 1024


class Peak:
    """The most memory of one's own for the length of a block, looked at every few milliseconds."""

    def __enter__(self):
        self.mib, self._over = own_mib(), threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def _watch(self):
        while not self._over.wait(0.005):
            self.mib = max(self.mib, own_mib())

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()


def synthetic(folder: Path, notes: int, piece: int = 5000) -> Path:
    """A data folder of so many notes of noise in pieces of 5,000, every hundredth for validation; written in parts."""
    from pianogenie_train.prepare import ARRAYS, FORMAT, GrowingArray

    folder.mkdir(parents=True)
    pieces, rng = notes // piece, np.random.default_rng(0)
    part = {
        "keys": rng.integers(0, 88, piece),
        "onsets": np.cumsum(rng.exponential(0.1, piece)),
        "durations": rng.exponential(0.3, piece),
        "velocities": rng.integers(1, 128, piece),
    }
    for name, kind in ARRAYS.items():
        with GrowingArray(folder / f"{name}.npy", kind) as array:
            for _ in range(pieces):
                array.append(part[name])
    splits = ["train" if n % 100 else "validation" for n in range(pieces)]
    listed = [
        {"name": f"{n}", "source": 0, "split": split, "start": n * piece, "length": piece}
        for n, split in enumerate(splits)
    ]
    report = {"splits": {"train": {"notes": piece * splits.count("train")}}}
    facts = {"format": FORMAT, "command": "", "sources": ["made up"], "report": report, "pieces": listed}
    (folder / "data.json").write_text(json.dumps(facts))
    return folder


def fit(data: Path) -> None:
    """Two hundred steps of a small network, and a look at validation."""
    from pianogenie_train import config, loop
    from pianogenie_train.data import Prepared

    settings = config.named("paper").but(rnn_dim=8, window=32, batch_size=32, steps=200, validate_every=200)
    with tempfile.TemporaryDirectory() as out:
        run = loop.new_run(Path(out) / "run", settings, "paper", Prepared(data), "")
        loop.fit(run, device="cpu", threads=1)


def batches(data: Path) -> None:
    """What sixty steps and a look at validation would learn from, without learning."""
    import itertools

    from pianogenie_train import config
    from pianogenie_train.data import Prepared, RandomBatches, whole_windows

    prepared = Prepared(data)
    for _ in itertools.islice(RandomBatches(prepared, config.named("genie")), 60):
        pass
    for _ in whole_windows(prepared, "validation", 128, 128):
        pass


def prepare(collection: Path) -> None:
    from pianogenie_train.prepare import prepare

    with tempfile.TemporaryDirectory() as out:
        prepare([str(collection)], Path(out) / "data", jobs=1)


if __name__ == "__main__":
    job = {"batches": batches, "fit": fit, "prepare": prepare}[sys.argv[1]]
    for path in sys.argv[2:]:
        with Peak() as peak:
            job(Path(path))
        print(json.dumps(peak.mib), flush=True)
