"""A checkpoint -> a model folder, checked before it is called done."""

import json
import shlex
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pianogenie.errors import UserError
from pianogenie.files import read_bytes, whole_folder, write_text
from pianogenie.model import Decoder, load_model
from pianogenie_train.importing import card, graphs, magenta, tutorial
from pianogenie_train.importing.reading import MAX_TEXT_BYTES, sha256
from pianogenie_train.importing.weights import Example, Peer
from pianogenie_train.modelfolder import TOLERANCE, check_place

LICENCE = "LICENSE"
_LONGEST_NAME = 100


@dataclass(frozen=True)
class Found:
    """A checkpoint on disk: which of the two it is, and where."""

    kind: str  # "magenta" or "tutorial"
    folder: Path
    file: Path


def find(source: Path) -> Found:
    """Which checkpoint `source` is, by the files in it: a folder, or the main file itself.

    Raises UserError if there is nothing, or neither of the two, or both.
    """
    if not source.exists():
        raise UserError(f"{source}: no such file or folder")
    if source.is_dir():
        found = [
            Found(kind, source, source / name)
            for kind, name in (("magenta", magenta.MANIFEST), ("tutorial", tutorial.MODEL))
            if (source / name).exists()
        ]
        if len(found) > 1:
            raise UserError(f"{source}: holds two checkpoints; name {magenta.MANIFEST} or {tutorial.MODEL} itself")
        if found:
            return found[0]
    elif source.name == magenta.MANIFEST:
        return Found("magenta", source.parent, source)
    elif source.suffix in (".pt", ".pth"):
        return Found("tutorial", source.parent, source)
    raise UserError(
        f"{source}: not a Piano Genie checkpoint that is known here: neither Magenta's for TensorFlow.js "
        f"({magenta.MANIFEST}) nor the PyTorch one ({tutorial.MODEL} with {tutorial.CONFIG})"
    )


def import_model(source: Path, out: Path, *, name: str | None = None, force: bool = False) -> dict:
    """Write the model folder `out` from the checkpoint `source`. Returns its card (model.json).

    The graphs are read back by the instrument's own reader and, where an example with expected logits came with
    the weights, held against it. Raises UserError if the source is not one of the two checkpoints or is damaged,
    `out` is in use (see `check_place`), or anything does not hold; then nothing is left behind.
    """
    check_place(out, force)
    name = out.resolve().name if name is None else name
    if not name.isprintable() or not 0 < len(name.strip()) <= _LONGEST_NAME:
        raise UserError(f"--name: a model's name is 1 to {_LONGEST_NAME} characters on one line")
    found = find(source)
    if out.exists() and found.folder.resolve().is_relative_to(out.resolve()):
        raise UserError(f"{out}: holds {source}, which overwriting it would lose; name another")
    peer = magenta.read(found.folder) if found.kind == "magenta" else tutorial.read(found.file)
    licence = _licence(found.folder / LICENCE)
    made = {"decoder.onnx": graphs.decoder_graph(peer.decoder).SerializeToString()}
    if peer.encoder is not None:
        made["encoder.onnx"] = graphs.encoder_graph(peer.encoder, peer.decoder.num_buttons).SerializeToString()
    # The name of the source, not its path: where it lay is nobody's business.
    source_name = source.resolve().name.encode("utf-8", "replace").decode("utf-8")
    words = ["pianogenie", "models", "import", source_name, "--out", out.resolve().name]
    words += ["--name", name] * (name != out.resolve().name)
    licence_text = None if licence is None else licence.decode("utf-8", "replace")
    checksums = {file: sha256(data) for file, data in made.items()}
    facts = card.facts(peer, name, licence_text, shlex.join(words), checksums)
    with whole_folder(out) as folder:
        for file, data in made.items():
            (folder / file).write_bytes(data)
        if licence is not None:
            (folder / LICENCE).write_bytes(licence)
        _write_card(folder, facts)
        facts |= _checked(folder, peer, source)
        _write_card(folder, facts)
    return facts


def difference(decoder: Decoder, example: Example) -> float:
    """The largest difference between the decoder's logits, step by step, and the expected ones."""
    state, largest = decoder.zero_state(), 0.0
    for n in range(len(example.buttons)):
        inputs = (a[n : n + 1] for a in (example.prev_keys, example.delta_times, example.buttons))
        logits, state, _ = decoder.step(*inputs, state)
        largest = max(largest, float(np.abs(logits[0] - example.logits[n]).max()))
    return largest


def _checked(folder: Path, peer: Peer, source: Path) -> dict:
    """What the card says of the example, once the folder has been read back."""
    try:
        model = load_model(folder)
    except UserError as error:  # it names files that nobody will ever see
        raise UserError(f"{source}: its weights do not make a model that can be played") from error
    if peer.example is None:
        return {}
    found = difference(model.decoder, peer.example)
    if not found <= TOLERANCE:
        raise UserError(
            f"{source}: its logits differ from those in {peer.example.name} by {found:.1e}, over {TOLERANCE:.0e}; "
            "do the two belong together?"
        )
    return {"example": {"name": peer.example.name, "steps": len(peer.example.buttons), "difference": found}}


def _licence(path: Path) -> bytes | None:
    return read_bytes(path, MAX_TEXT_BYTES) if path.exists() else None


def _write_card(folder: Path, facts: dict) -> None:
    write_text(folder / "model.json", json.dumps(facts, ensure_ascii=False, indent=1) + "\n")
    write_text(folder / "README.md", card.text(facts))
