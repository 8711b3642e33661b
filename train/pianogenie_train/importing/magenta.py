"""Magenta's decoder: `weights_manifest.json` and its shards, as TensorFlow.js reads them. Needs numpy only.

A shard is nothing but float32 numbers, little-endian, tensor after tensor in the manifest's order. What the
tensors mean, from Magenta's `piano_genie` (magenta/magenta, magenta/models/piano_genie, and magenta-js,
music/src/piano_genie, both Apache-2.0):

    inputs   [button in -1..1 | key before, one-hot of 89, 0 = none | delta time, one-hot of 33 bins]
    dense    to 128
    LSTM     twice, 128 wide; kernel [input | hidden, 4 * 128], gates in the order input, candidate, forget,
             output; 1 is added to the forget gate when it is used, and is not part of the bias
    dense    to 88 logits

Only the decoder was published. The first delta time is 100,000 s there, that is the last bin, as with format 1's.
"""

import math
from pathlib import Path

import numpy as np

from pianogenie.errors import UserError
from pianogenie.files import parse_json, read_bytes
from pianogenie.keys import NUM_KEYS
from pianogenie_train.importing.reading import MAX_TEXT_BYTES, MAX_WEIGHTS_BYTES, sha256
from pianogenie_train.importing.weights import (
    MAX_LAYERS,
    MAX_WIDTH,
    BinnedTime,
    DecoderWeights,
    Layer,
    Peer,
    button_values,
    check_shapes,
)

MANIFEST = "weights_manifest.json"
NUM_BUTTONS = 8
"""A constant of Magenta's player; the weights themselves work with any number of buttons between -1 and 1."""
BINS_PER_S = 31.25
NUM_BINS = 33

_INPUTS = 1 + 1 + NUM_KEYS + NUM_BINS
_DECODER = "phero_model/decoder/"
_MOST_TENSORS = 64
_MOST_SHARDS = 16
_FORGET_BIAS = 1.0


def read(folder: Path) -> Peer:
    """Read the folder's manifest and shards.

    Raises UserError if a file is missing, too large, cut short or too long, a tensor is missing, unknown, of
    another shape or type or not finite, or the manifest points outside the folder.
    """
    manifest = folder / MANIFEST
    data = read_bytes(manifest, MAX_TEXT_BYTES)
    sources = {MANIFEST: sha256(data)}
    tensors: dict[str, np.ndarray] = {}
    for group in _groups(parse_json(data, manifest), manifest):
        tensors |= _tensors(folder, group, manifest, sources)
    return Peer(
        title="the decoder of the paper's Piano Genie, as Magenta published it for TensorFlow.js",
        url="https://github.com/magenta/magenta-js/tree/master/music/src/piano_genie",
        decoder=_decoder(tensors, manifest),
        sources=sources,
    )


def _groups(content: object, manifest: Path) -> list[dict]:
    wrong = UserError(f"{manifest}: not a manifest of TensorFlow.js weights")
    if not isinstance(content, list) or not content:
        raise wrong
    count = 0
    for group in content:
        if not isinstance(group, dict) or not isinstance(group.get("paths"), list):
            raise wrong
        if not isinstance(group.get("weights"), list) or not all(isinstance(w, dict) for w in group["weights"]):
            raise wrong
        count += len(group["weights"])
        if count > _MOST_TENSORS or len(group["paths"]) > _MOST_SHARDS or len(content) > _MOST_SHARDS:
            raise UserError(f"{manifest}: more tensors or shards than any Piano Genie checkpoint has")
    return content


def _tensors(folder: Path, group: dict, manifest: Path, sources: dict[str, str]) -> dict[str, np.ndarray]:
    shapes: dict[str, tuple[int, ...]] = {}
    for weight in group["weights"]:
        name, shape = weight.get("name"), weight.get("shape")
        if not isinstance(name, str) or name in shapes:
            raise UserError(f"{manifest}: a tensor without a name of its own ({str(name)[:100]!r})")
        if not isinstance(shape, list) or not all(type(n) is int and 0 < n <= 8 * MAX_WIDTH for n in shape):
            raise UserError(f"{manifest}: {name[:100]!r} has the shape {str(shape)[:100]}")
        if weight.get("dtype") != "float32" or "quantization" in weight:
            kind = "quantised" if "quantization" in weight else str(weight.get("dtype"))[:40]
            raise UserError(f"{manifest}: {name[:100]!r} is {kind}; only plain float32 weights can be read")
        shapes[name] = tuple(shape)
    expected = 4 * sum(math.prod(shape) for shape in shapes.values())
    if expected > MAX_WEIGHTS_BYTES:
        raise UserError(f"{manifest}: asks for more than {MAX_WEIGHTS_BYTES >> 20} MiB of weights")
    data = b""
    for path in group["paths"]:
        shard = _inside(folder, path, manifest)
        part = read_bytes(shard, MAX_WEIGHTS_BYTES)
        sources[shard.name] = sha256(part)
        data += part
        if len(data) > expected:
            break
    if len(data) != expected:
        fault = "cut short" if len(data) < expected else "too long"
        names = ", ".join(str(path) for path in group["paths"]) or "no shard"
        raise UserError(f"{folder / names}: {fault}: {len(data)} bytes where the manifest asks for {expected}")
    tensors, start = {}, 0
    for name, shape in shapes.items():
        numbers = np.frombuffer(data, "<f4", math.prod(shape), start).reshape(shape)
        if not np.isfinite(numbers).all():
            raise UserError(f"{manifest}: {name[:100]!r} holds numbers that are not finite")
        tensors[name] = numbers.astype(np.float64)
        start += 4 * numbers.size
    return tensors


def _inside(folder: Path, name: object, manifest: Path) -> Path:
    """A shard beside the manifest; the name is a stranger's, so it may not lead elsewhere, by a link neither."""
    if not isinstance(name, str) or name in ("", ".", "..") or not name.isprintable() or any(c in name for c in "/\\:"):
        raise UserError(f"{manifest}: names the shard {str(name)[:100]!r}; only files beside the manifest are read")
    path = folder / name
    if path.resolve().parent != folder.resolve():
        raise UserError(f"{path}: leads out of the folder; only files beside the manifest are read")
    return path


def _decoder(tensors: dict[str, np.ndarray], manifest: Path) -> DecoderWeights:
    dim = len(tensors.get(_DECODER + "rnn_input/dense/bias", np.zeros((1, 1))).ravel())
    layers = 1
    while _cell(layers) + "kernel" in tensors and layers < MAX_LAYERS:
        layers += 1
    expected = {
        _DECODER + "rnn_input/dense/kernel": (_INPUTS, dim),
        _DECODER + "rnn_input/dense/bias": (dim,),
        _DECODER + "pitches/dense/kernel": (dim, NUM_KEYS),
        _DECODER + "pitches/dense/bias": (NUM_KEYS,),
    }
    for n in range(layers):
        expected |= {_cell(n) + "kernel": (2 * dim, 4 * dim), _cell(n) + "bias": (4 * dim,)}
    check_shapes({name: tensor.shape for name, tensor in tensors.items()}, expected, str(manifest))
    if dim > MAX_WIDTH:
        raise UserError(f"{manifest}: {dim} units in a layer, more than the {MAX_WIDTH} that are read")
    kernels = [_gates_last(tensors[_cell(n) + "kernel"]) for n in range(layers)]
    biases = [_gates_last(_remembering(tensors[_cell(n) + "bias"])) for n in range(layers)]
    rows = tensors[_DECODER + "rnn_input/dense/kernel"] @ kernels[0][:dim]
    bias = tensors[_DECODER + "rnn_input/dense/bias"] @ kernels[0][:dim] + biases[0]
    button, none, keys, bins = np.split(rows, [1, 2, 2 + NUM_KEYS])
    return DecoderWeights(
        key_rows=np.concatenate([keys, none]) + bias,
        button_rows=button_values(NUM_BUTTONS) @ button,
        time=BinnedTime(bins, BINS_PER_S),
        product=kernels[0][dim:],
        above=[Layer(kernel, bias) for kernel, bias in zip(kernels[1:], biases[1:], strict=True)],
        output=tensors[_DECODER + "pitches/dense/kernel"],
        output_bias=tensors[_DECODER + "pitches/dense/bias"],
    )


def _cell(number: int) -> str:
    return f"{_DECODER}rnn/rnn/multi_rnn_cell/cell_{number}/lstm_cell/"


def _remembering(bias: np.ndarray) -> np.ndarray:
    """A cell's bias with the 1 of its forget gate in it."""
    return bias + _FORGET_BIAS * (np.arange(len(bias)) // (len(bias) // 4) == 2)


def _gates_last(weight: np.ndarray) -> np.ndarray:
    """TensorFlow's gates [..., 4 dim] in the order i, j, f, o -> i, f, o, j: the candidate last."""
    read, candidate, forget, show = np.split(weight, 4, axis=-1)
    return np.concatenate([read, forget, show, candidate], axis=-1)
