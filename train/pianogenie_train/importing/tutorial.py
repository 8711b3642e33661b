"""The first author's PyTorch version: `model.pt`, a state dict, and `cfg.json`.

It goes with his tutorial (Chris Donahue, music-cocreation-tutorial). What the tensors mean:

    decoder  [key before, one-hot of 89, 88 = none | delta time in seconds, 0..1 | button in -1..1]
             -> linear to 128 -> LSTM, 2 layers of 128 -> linear to 88 logits
    encoder  [key, one-hot of 88 | delta time] -> linear -> LSTM, 2 layers both ways -> linear to one number, of
             which -1..1 is cut into buttons, rounding to the nearest

`model.pt` is a pickle inside a zip. It is read with torch's reader for tensors alone, which runs no code, after
a look at the zip's own table: a file that would unfold into gigabytes is not opened.
"""

import io
import warnings
import zipfile
from pathlib import Path

import numpy as np

from pianogenie.errors import UserError
from pianogenie.files import parse_json, read_bytes
from pianogenie.keys import NO_KEY, NUM_KEYS
from pianogenie.model import MAX_BUTTONS
from pianogenie_train.importing.reading import MAX_TEXT_BYTES, MAX_WEIGHTS_BYTES, sha256
from pianogenie_train.importing.weights import (
    MAX_LAYERS,
    MAX_WIDTH,
    BothWays,
    DecoderWeights,
    EncoderWeights,
    Example,
    Layer,
    Peer,
    ScaledTime,
    button_values,
    check_shapes,
)

MODEL, CONFIG, EXAMPLE = "model.pt", "cfg.json", "test.json"

_MOST_CONFIG_BYTES = 64 << 10  # it goes into the card, whole
_MOST_TENSORS = 512
_MOST_STEPS = 4096


def read(model: Path) -> Peer:
    """Read a model file and the `cfg.json` beside it.

    Raises UserError if a file is missing, too large or damaged, the pickle holds more than tensors, or a tensor
    is missing, unknown, of another shape or type or not finite.
    """
    config_path = model.parent / CONFIG
    config_bytes = read_bytes(config_path, _MOST_CONFIG_BYTES)
    config = parse_json(config_bytes, config_path)
    if not isinstance(config, dict):
        raise UserError(f"{config_path}: not a configuration: a JSON object is expected")
    buttons = _number(config, "num_buttons", 2, MAX_BUTTONS, config_path)
    dim = _number(config, "model_rnn_dim", 1, MAX_WIDTH, config_path)
    layers = _number(config, "model_rnn_num_layers", 1, MAX_LAYERS, config_path)
    most_s = _number(config, "data_delta_time_max", 0, 1e6, config_path, whole=False)
    model_bytes = read_bytes(model, MAX_WEIGHTS_BYTES)
    tensors = _state_dict(model_bytes, model, _expected(dim, layers))
    sources = {model.name: sha256(model_bytes), CONFIG: sha256(config_bytes)}
    return Peer(
        title="the PyTorch version of Piano Genie by the paper's first author",
        url="https://github.com/chrisdonahue/music-cocreation-tutorial",
        decoder=_decoder(tensors, dim, layers, buttons, most_s),
        encoder=_encoder(tensors, layers, most_s),
        settings={name: value for name, value in config.items() if isinstance(value, (str, int, float))},
        sources=sources,
        example=_example(model.parent / EXAMPLE, buttons),
    )


def _number(config: dict, name: str, least: float, most: float, path: Path, whole: bool = True) -> int | float:
    value = config.get(name)
    kinds = (int,) if whole else (int, float)
    if isinstance(value, bool) or not isinstance(value, kinds) or not least <= value <= most:
        kind = "a whole number" if whole else "a number"
        raise UserError(f"{path}: {name} is {str(value)[:40]}, not {kind} in {least:g}..{most:g}")
    return value


def _expected(dim: int, layers: int) -> dict[str, tuple]:
    """Name and shape of every tensor."""
    shapes: dict[str, tuple] = {
        "enc.input.weight": (dim, NUM_KEYS + 1),
        "enc.input.bias": (dim,),
        "enc.output.weight": (1, 2 * dim),
        "enc.output.bias": (1,),
        "dec.input.weight": (dim, NUM_KEYS + 1 + 2),
        "dec.input.bias": (dim,),
        "dec.output.weight": (NUM_KEYS, dim),
        "dec.output.bias": (NUM_KEYS,),
    }
    for layer in range(layers):
        for lstm, end, below in (("enc", "", 2 * dim), ("enc", "_reverse", 2 * dim), ("dec", "", dim)):
            inputs = dim if layer == 0 else below
            for kind, shape in (
                ("weight_ih", (4 * dim, inputs)),
                ("weight_hh", (4 * dim, dim)),
                ("bias_ih", (4 * dim,)),
                ("bias_hh", (4 * dim,)),
            ):
                shapes[f"{lstm}.lstm.{kind}_l{layer}{end}"] = shape
    return shapes


def _state_dict(data: bytes, path: Path, expected: dict[str, tuple]) -> dict[str, np.ndarray]:
    import torch  # here, so that the rest of this package does without

    _check_zip(data, path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged pickle raises whatever its bytes happen to spell
        raise UserError(f"{path}: damaged, or holds more than tensors; it was not loaded") from error
    if not isinstance(found, dict) or len(found) > _MOST_TENSORS:
        raise UserError(f"{path}: not a state dict (tensors by name)")
    for name, tensor in found.items():
        if not isinstance(name, str) or not isinstance(tensor, torch.Tensor):
            raise UserError(f"{path}: {str(name)[:100]!r} is not a tensor by name")
        if tensor.dtype != torch.float32 or tensor.layout != torch.strided or tensor.device.type != "cpu":
            raise UserError(f"{path}: {name[:100]!r} is not a plain float32 tensor")
    # Shapes first: a tensor may claim any size without holding it, and a copy would then fill the memory.
    check_shapes({name: tuple(tensor.shape) for name, tensor in found.items()}, expected, str(path))
    tensors = {name: tensor.detach().numpy().astype(np.float64) for name, tensor in found.items()}
    for name, tensor in tensors.items():
        if not np.isfinite(tensor).all():
            raise UserError(f"{path}: {name} holds numbers that are not finite")
    return tensors


def _check_zip(data: bytes, path: Path) -> None:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
    except Exception as error:  # a damaged table raises more than BadZipFile
        raise UserError(f"{path}: cut short, or not a file that torch.save wrote (since torch 1.6)") from error
    if size > MAX_WEIGHTS_BYTES:
        raise UserError(
            f"{path}: unfolds to more than {MAX_WEIGHTS_BYTES >> 20} MiB, more than any Piano Genie checkpoint"
        )


def _decoder(tensors: dict[str, np.ndarray], dim: int, layers: int, buttons: int, most_s: float) -> DecoderWeights:
    into, own, biases = zip(*(_lstm(tensors, "dec", f"l{n}", _gates_last) for n in range(layers)), strict=True)
    rows = tensors["dec.input.weight"].T @ into[0].T
    keys, time, button = np.split(rows, [NUM_KEYS + 1, NUM_KEYS + 2])
    return DecoderWeights(
        key_rows=keys + tensors["dec.input.bias"] @ into[0].T + biases[0],
        button_rows=button_values(buttons) @ button,
        time=ScaledTime(time, most_s),
        product=own[0].T,
        above=[Layer(np.concatenate([into[n], own[n]], axis=1).T, biases[n]) for n in range(1, layers)],
        output=tensors["dec.output.weight"].T,
        output_bias=tensors["dec.output.bias"],
    )


def _encoder(tensors: dict[str, np.ndarray], layers: int, most_s: float) -> EncoderWeights:
    both = []
    for n in range(layers):
        ways = [_lstm(tensors, "enc", f"l{n}{end}", _gates_of_onnx) for end in ("", "_reverse")]
        both.append(BothWays(*(np.stack(parts) for parts in zip(*ways, strict=True))))
    keys, time = np.split(tensors["enc.input.weight"].T, [NUM_KEYS])
    return EncoderWeights(
        key_rows=keys + tensors["enc.input.bias"],
        time=ScaledTime(time, most_s),
        layers=both,
        output=tensors["enc.output.weight"].T,
        output_bias=tensors["enc.output.bias"],
    )


def _lstm(tensors: dict[str, np.ndarray], half: str, end: str, order) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """weight_ih, weight_hh and the sum of both biases of a layer, its gates as `order` has them."""
    part = {kind: tensors[f"{half}.lstm.{kind}_{end}"] for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")}
    return order(part["weight_ih"]), order(part["weight_hh"]), order(part["bias_ih"] + part["bias_hh"])


def _gates_last(weight: np.ndarray) -> np.ndarray:
    """torch's gates [4 dim, ...] in the order i, f, g, o -> i, f, o, g: the candidate last."""
    read, forget, candidate, show = np.split(weight, 4)
    return np.concatenate([read, forget, show, candidate])


def _gates_of_onnx(weight: np.ndarray) -> np.ndarray:
    """torch's gates [4 dim, ...] in the order i, f, g, o -> i, o, f, g, as ONNX's LSTM has them."""
    read, forget, candidate, show = np.split(weight, 4)
    return np.concatenate([read, show, forget, candidate])


def _example(path: Path, buttons: int) -> Example | None:
    """What came with the weights to check a port of them by; it is not needed."""
    if not path.exists():
        return None
    content = parse_json(read_bytes(path, 16 * MAX_TEXT_BYTES), path)
    try:
        keys, pressed = (np.array(content[f"input_{name}"], np.int64) for name in ("keys", "buttons"))
        times = np.array(content["input_dts"], np.float32)
        logits = np.array(content["output_logits"], np.float64)
        n = len(keys)
        shaped = (keys.shape, pressed.shape, times.shape, logits.shape) == ((n,), (n,), (n,), (n, NUM_KEYS))
        whole = shaped and 0 < n <= _MOST_STEPS and np.isfinite(times).all() and np.isfinite(logits).all()
        whole = whole and 0 <= keys.min() <= keys.max() <= NO_KEY and 0 <= pressed.min() <= pressed.max() < buttons
    except (KeyError, TypeError, ValueError, OverflowError):
        whole = False
    if not whole:
        raise UserError(f"{path}: not inputs and expected logits of a Piano Genie of {buttons} buttons")
    return Example(path.name, keys, times, pressed, logits)
