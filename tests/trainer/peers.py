"""Small Piano Genie checkpoints in the forms of the two public ones, and what they should answer.

The answers are worked out here as their authors' programs do it: one-hot inputs, one gate after the other, in
double precision. Nothing of the importer is used.
"""

import json
from pathlib import Path

import numpy as np

DIM = 5
DECODER = "phero_model/decoder/"


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def one_hot(index: int, size: int) -> np.ndarray:
    return np.eye(size)[index]


def magenta_weights(seed: int = 0) -> dict[str, np.ndarray]:
    """Random tensors, by the names and in the odd order that the published manifest has."""
    rng = np.random.default_rng(seed)
    shapes = {
        f"{DECODER}rnn/rnn/multi_rnn_cell/cell_1/lstm_cell/bias": (4 * DIM,),
        f"{DECODER}rnn/rnn/multi_rnn_cell/cell_0/lstm_cell/bias": (4 * DIM,),
        f"{DECODER}rnn_input/dense/kernel": (123, DIM),
        f"{DECODER}rnn/rnn/multi_rnn_cell/cell_1/lstm_cell/kernel": (2 * DIM, 4 * DIM),
        f"{DECODER}pitches/dense/kernel": (DIM, 88),
        f"{DECODER}rnn/rnn/multi_rnn_cell/cell_0/lstm_cell/kernel": (2 * DIM, 4 * DIM),
        f"{DECODER}pitches/dense/bias": (88,),
        f"{DECODER}rnn_input/dense/bias": (DIM,),
    }
    return {name: rng.normal(0, 1, shape).astype("<f4") for name, shape in shapes.items()}


def write_magenta(folder: Path, weights: dict[str, np.ndarray]) -> Path:
    """A manifest and a shard."""
    folder.mkdir(parents=True, exist_ok=True)
    manifest = [
        {
            "paths": ["group1-shard1of1"],
            "weights": [{"name": name, "shape": list(w.shape), "dtype": "float32"} for name, w in weights.items()],
        }
    ]
    (folder / "weights_manifest.json").write_text(json.dumps(manifest))
    (folder / "group1-shard1of1").write_bytes(b"".join(w.tobytes() for w in weights.values()))
    (folder / "LICENSE").write_text("Copyright X\n\nLicensed under the Apache License, Version 2.0 (the License)\n")
    return folder


def magenta_logits(weights, prev_keys, delta_times, buttons) -> np.ndarray:
    """One row's logits [N, 88]."""
    w = {name: tensor.astype(np.float64) for name, tensor in weights.items()}
    h, c, logits = np.zeros((2, DIM)), np.zeros((2, DIM)), []
    for key, seconds, button in zip(prev_keys, delta_times, buttons, strict=True):
        last = -1 if key == 88 else key  # as Magenta's player counts
        features = np.concatenate(
            [
                [2 * button / 7 - 1],
                one_hot(last + 1, 89),
                one_hot(int(min(np.rint(np.float32(seconds) * 31.25), 32)), 33),
            ]
        )
        x = features @ w[f"{DECODER}rnn_input/dense/kernel"] + w[f"{DECODER}rnn_input/dense/bias"]
        for n in range(2):
            cell = f"{DECODER}rnn/rnn/multi_rnn_cell/cell_{n}/lstm_cell/"
            gates = np.concatenate([x, h[n]]) @ w[cell + "kernel"] + w[cell + "bias"]
            i, j, f, o = (gates[k * DIM : (k + 1) * DIM] for k in range(4))
            c[n] = c[n] * sigmoid(f + 1) + sigmoid(i) * np.tanh(j)
            h[n] = x = np.tanh(c[n]) * sigmoid(o)
        logits.append(x @ w[f"{DECODER}pitches/dense/kernel"] + w[f"{DECODER}pitches/dense/bias"])
    return np.array(logits)


def tutorial_weights(seed: int = 0) -> dict[str, np.ndarray]:
    """Random tensors, by the names of the published state dict."""
    rng = np.random.default_rng(seed)
    shapes = {}
    for half, inputs, outputs, ways in (("enc", 89, 1, ("", "_reverse")), ("dec", 91, 88, ("",))):
        shapes |= {f"{half}.input.weight": (DIM, inputs), f"{half}.input.bias": (DIM,)}
        for layer in range(2):
            for way in ways:
                below = DIM if layer == 0 else DIM * len(ways)
                shapes |= {
                    f"{half}.lstm.weight_ih_l{layer}{way}": (4 * DIM, below),
                    f"{half}.lstm.weight_hh_l{layer}{way}": (4 * DIM, DIM),
                    f"{half}.lstm.bias_ih_l{layer}{way}": (4 * DIM,),
                    f"{half}.lstm.bias_hh_l{layer}{way}": (4 * DIM,),
                }
        shapes |= {f"{half}.output.weight": (outputs, DIM * len(ways)), f"{half}.output.bias": (outputs,)}
    return {name: rng.normal(0, 1, shape).astype(np.float32) for name, shape in shapes.items()}


def write_tutorial(folder: Path, weights: dict[str, np.ndarray], **config) -> Path:
    """model.pt and cfg.json."""
    import torch

    folder.mkdir(parents=True, exist_ok=True)
    torch.save({name: torch.from_numpy(w) for name, w in weights.items()}, folder / "model.pt")
    settings = {
        "seed": 3,
        "num_buttons": 6,
        "data_delta_time_max": 1.5,
        "model_rnn_dim": DIM,
        "model_rnn_num_layers": 2,
        "lr": 0.0003,
    }
    (folder / "cfg.json").write_text(json.dumps(settings | config))
    (folder / "LICENSE").write_text("Attribution-NonCommercial-ShareAlike 4.0 International\n\n====\n")
    return folder


def tutorial_logits(weights, prev_keys, delta_times, buttons, num_buttons=6, most_s=1.5) -> np.ndarray:
    """One row's logits [N, 88]."""
    w = {name: tensor.astype(np.float64) for name, tensor in weights.items()}
    xs = np.array(
        [
            np.concatenate([one_hot(key, 89), [min(seconds, most_s)], [2 * button / (num_buttons - 1) - 1]])
            for key, seconds, button in zip(prev_keys, delta_times, buttons, strict=True)
        ]
    )
    xs = xs @ w["dec.input.weight"].T + w["dec.input.bias"]
    for layer in range(2):
        xs = _torch_lstm(w, f"dec.lstm.{{}}_l{layer}", xs)
    return xs @ w["dec.output.weight"].T + w["dec.output.bias"]


def tutorial_places(weights, keys, delta_times, num_buttons=6, most_s=1.5) -> np.ndarray:
    """Where each note lies among the buttons before rounding, 0..num_buttons-1: [N]."""
    w = {name: tensor.astype(np.float64) for name, tensor in weights.items()}
    xs = np.array([np.concatenate([one_hot(k, 88), [min(t, most_s)]]) for k, t in zip(keys, delta_times, strict=True)])
    xs = xs @ w["enc.input.weight"].T + w["enc.input.bias"]
    for layer in range(2):
        there = _torch_lstm(w, f"enc.lstm.{{}}_l{layer}", xs)
        back = _torch_lstm(w, f"enc.lstm.{{}}_l{layer}_reverse", xs[::-1])[::-1]
        xs = np.concatenate([there, back], axis=1)
    e = (xs @ w["enc.output.weight"].T + w["enc.output.bias"])[:, 0]
    return (np.clip(e, -1, 1) + 1) / 2 * (num_buttons - 1)


def _torch_lstm(w, name: str, xs: np.ndarray) -> np.ndarray:
    h, c, out = np.zeros(DIM), np.zeros(DIM), []
    for x in xs:
        gates = w[name.format("weight_ih")] @ x + w[name.format("bias_ih")]
        gates = gates + w[name.format("weight_hh")] @ h + w[name.format("bias_hh")]
        i, f, g, o = np.split(gates, 4)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        out.append(h)
    return np.array(out)
