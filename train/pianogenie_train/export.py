"""A run -> a model folder of format 1, checked against the run before it is called done."""

import dataclasses
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import torch

from pianogenie import __version__
from pianogenie.errors import UserError
from pianogenie.files import whole_folder, write_text
from pianogenie.keys import FIRST_DELTA_TIME_S, NUM_KEYS
from pianogenie.model import FORMAT, load_model
from pianogenie_train import card, graphs
from pianogenie_train.data import Prepared
from pianogenie_train.model import Autoencoder
from pianogenie_train.modelfolder import TOLERANCE, check_place
from pianogenie_train.parents import WEIGHTS, write_weights
from pianogenie_train.players import FolderPlayer, TorchPlayer
from pianogenie_train.runs import Run, Trained, load_trained
from pianogenie_train.scores import evaluate
from pianogenie_train.steps import one_step

NOT_STATED = "not stated"
SHARED_OUT_TOLERANCE = 1e-3
"""As TOLERANCE, for our own network. Rounding shows where the row is shared out:
a place that is off by 1e-6 buttons, at the edge of the button that was pressed, is off by 1e-4 nats."""
AGREEMENT = 0.999
"""The share of buttons, of random notes, that both must find alike where each goes by the one before."""

_FILES = ("decoder.onnx", "encoder.onnx", WEIGHTS)


@dataclass(frozen=True)
class Provenance:
    """What a card says about where the weights come from, in the words of whoever trained them."""

    data_name: str
    data_licence: str
    weights_licence: str
    data_url: str = ""
    notes: tuple[str, ...] = ()  # what else a player should know: where it falls short


def export(
    run: Path,
    out: Path,
    provenance: Provenance,
    *,
    name: str | None = None,
    which: str | None = None,
    data: Path | None = None,
    scored: bool = True,
    force: bool = False,
    command: str = "",
    progress=None,
    finish: Callable[[Path, dict], None] = lambda folder, facts: None,
) -> dict:
    """Write the model folder `out` from a run. Returns its card (model.json). Its name is the folder's unless told.

    The graphs are made, read back by the instrument's own reader, compared with torch on random sequences and,
    if `scored`, scored on the run's validation data (or that of `data`). `finish` may add to the folder, before it is
    put in its place. Raises UserError if `out` is in use, or anything does not hold; then nothing is left behind.
    """
    check_place(out, force)
    trained = load_trained(run, which)
    if not trained.model.num_buttons:
        raise UserError(f"{run}: a language model, without buttons to play on; export a run of another configuration")
    with whole_folder(out) as folder:
        onnx.save(graphs.decoder_graph(trained.model), folder / "decoder.onnx")
        onnx.save(graphs.encoder_graph(trained.model), folder / "encoder.onnx")
        write_weights(trained.model, folder / WEIGHTS)
        facts = {
            "format": FORMAT,
            "name": name or out.resolve().name,
            "num_buttons": trained.run.config.num_buttons,
            "state_size": one_step(trained.model).state_size,
            "licence": _licence(provenance, trained.run),
            "parent": trained.run.parent,
            "data": {"name": provenance.data_name, "licence": provenance.data_licence, "url": provenance.data_url},
            "notes": list(provenance.notes),
            "recipe": _recipe(trained, command),
            "scores": None,
            "sha256": {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in _FILES},
        }
        _write_card(folder, facts)
        player = FolderPlayer(load_model(folder))
        facts["export_difference"] = compare(trained.model, player)
        if scored:
            facts["scores"] = _scores(player, Prepared(data or trained.run.data), progress)
        _write_card(folder, facts)
        finish(folder, facts)
    return facts


def compare(model: Autoencoder, player: FolderPlayer, batch: int = 16, notes: int = 256) -> float:
    """The largest difference of logits between the exported decoder, step by step, and torch, over whole
    random sequences. Raises UserError if it is over TOLERANCE, or the encoders' buttons differ."""
    rng = np.random.default_rng(0)
    keys = rng.integers(0, NUM_KEYS, (batch, notes))
    delta_times = rng.exponential(0.3, (batch, notes)).astype(np.float32)
    delta_times[:, 0] = FIRST_DELTA_TIME_S
    buttons = rng.integers(0, player.num_buttons, (batch, notes))
    reference = TorchPlayer(model)
    window = keys, delta_times, buttons
    logits = [each.hear(*window)[0] for each in (player, reference)]
    learnt = model.encoder is not None
    difference = float(np.abs(np.subtract(*(logits if learnt else map(_in_question, logits)))).max())
    tolerance = TOLERANCE if learnt else SHARED_OUT_TOLERANCE
    if not difference <= tolerance:
        raise UserError(f"decoder.onnx: its logits differ from torch's by {difference:.1e}, over {tolerance:.0e}")
    found = player.encode(keys, delta_times)
    if learnt:
        with torch.no_grad():
            e = model.encoder(torch.from_numpy(keys), torch.from_numpy(delta_times)).double()
            distances = model.quantiser.distances(e).numpy()
        # A note on the border between two buttons may fall either way; no other may.
        chosen = np.take_along_axis(distances, found[..., None], axis=-1)[..., 0]
        same = (chosen - distances.min(axis=-1)).max() <= 4 * TOLERANCE
    else:
        # So here, but those after it go by that one.
        same = np.mean(found == reference.encode(keys, delta_times)) >= AGREEMENT
    if not same:
        raise UserError("encoder.onnx: its buttons differ from torch's")
    return difference


def _in_question(logits: np.ndarray) -> np.ndarray:
    """How far under the likeliest key the others are; what is 20 nats under it is out of the question, however far."""
    return np.maximum(logits - logits.max(axis=-1, keepdims=True), -20.0)


def _licence(provenance: Provenance, run: Run) -> str:
    """A child's weights are under its parent's licence unless whoever trained it knows better."""
    if provenance.weights_licence == NOT_STATED and run.parent:
        return run.parent["licence"]
    return provenance.weights_licence


def _scores(player: FolderPlayer, data: Prepared, progress) -> dict:
    found = evaluate(player, data, "validation", **({"progress": progress} if progress else {}))
    return {
        name: {k: round(v, 5) for k, v in value.items()}
        if isinstance(value, dict)
        else round(value, 5)
        if isinstance(value, float)
        else value
        for name, value in dataclasses.asdict(found).items()
    }


def _recipe(trained: Trained, command: str) -> dict:
    run = trained.run
    return {
        "commands": [words for words in (*run.commands, command) if words],
        "configuration": run.config_name,
        "settings": run.config.as_dict(),
        "seed": run.config.seed,
        "checkpoint": trained.which,
        "steps": trained.step,
        "minutes": round(trained.minutes, 1),
        "training_notes": run.notes,
        "version": __version__,
        "torch": torch.__version__,
    }


def _write_card(folder: Path, facts: dict) -> None:
    write_text(folder / "model.json", json.dumps(facts, ensure_ascii=False, indent=1) + "\n")
    write_text(folder / "README.md", card.text(facts))
