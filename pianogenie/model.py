"""A model folder (format 1): read, checked, ready to step.

Anyone's trainer may write such a folder, and it may come from a stranger: nothing in it is executed or
unpickled, sizes are bounded, and every fault is one line that names the file. The graphs are loaded from the
very bytes whose checksum was compared.

    model = load_model("classical")
    logits, state, velocity = model.decoder.step(prev_key, delta_time, button, state)
"""

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import onnxruntime as ort

from pianogenie.errors import UserError
from pianogenie.files import read_bytes, read_json
from pianogenie.guarded import PATIENCE_S, TooLong, one_line, patiently, session
from pianogenie.keys import FIRST_DELTA_TIME_S, NO_KEY, NUM_KEYS
from pianogenie.paths import models_dir, own_models_dir

FORMAT = "pianogenie-model/1"
DEFAULT_MODEL = "classical"
MAX_GRAPH_BYTES = 16 << 20
MAX_CARD_BYTES = 1 << 20
MAX_STATE_SIZE = 1 << 16
MAX_BUTTONS = NUM_KEYS

SINGLE_ROW_INPUTS = "single_row_inputs"
"""What a decoder's metadata may say: which inputs may have a single row, for all rows of the others."""
SINGLE_ROWS = ("prev_key", "delta_time", "state")

Answer = TypeVar("Answer")
_INPUT_TYPES = {
    "prev_key": "tensor(int64)",
    "delta_time": "tensor(float)",
    "button": "tensor(int64)",
    "state": "tensor(float)",
}


class Decoder:
    """One step of the decoder: what was played, when, and the button now -> how well each key fits.

    Attributes:
        num_buttons: how many buttons it was trained with.
        state_size: S, the width of its recurrent state.
        takes_velocity: whether the graph declares `prev_velocity`.
        gives_velocity: whether the graph has the `velocity` output.
        single_rows: whether all inputs but `button` may have a single row, for many buttons at one moment.
    """

    def __init__(self, graph: bytes, where: str):
        self._session = session(graph, where)
        inputs = {i.name: i for i in self._session.get_inputs()}
        outputs = {o.name: o for o in self._session.get_outputs()}
        for name, kind in _INPUT_TYPES.items():
            if name not in inputs:
                raise UserError(f"{where}: input {name} is missing; is this a decoder of format 1?")
            if inputs[name].type != kind:
                raise UserError(f"{where}: input {name} is {inputs[name].type}, not {kind}")
        unknown = sorted(set(inputs) - set(_INPUT_TYPES) - {"prev_velocity"})
        if unknown:
            raise UserError(f"{where}: input {unknown[0]} is not one of format 1")
        for name in ("logits", "next_state"):
            if name not in outputs:
                raise UserError(f"{where}: output {name} is missing; is this a decoder of format 1?")
        size = inputs["state"].shape[-1] if inputs["state"].shape else None
        if not isinstance(size, int) or not 0 < size <= MAX_STATE_SIZE:
            raise UserError(f"{where}: the state's width is {size}, not a number in 1..{MAX_STATE_SIZE}")
        self.state_size = size
        self.takes_velocity = "prev_velocity" in inputs
        self.gives_velocity = "velocity" in outputs
        self._outputs = ["logits", "next_state"] + ["velocity"] * self.gives_velocity
        self.metadata: dict[str, str] = self._session.get_modelmeta().custom_metadata_map
        single = self.metadata.get(SINGLE_ROW_INPUTS, "").split()
        self.single_rows = set(inputs) - {"button"} <= set(single)

    def zero_state(self, batch: int = 1) -> np.ndarray:
        """The state before anything was played: float32 [batch, S]."""
        return np.zeros((batch, self.state_size), np.float32)

    def step(
        self,
        prev_key: np.ndarray,
        delta_time: np.ndarray,
        button: np.ndarray,
        state: np.ndarray,
        prev_velocity: np.ndarray | None = None,
        options: ort.RunOptions | None = None,
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        """One press for each row of a batch.

        Args:
            prev_key: int64 [B], 0..87, or 88 when nothing was played yet.
            delta_time: float32 [B], seconds since the previous press; `FIRST_DELTA_TIME_S` at the first.
            button: int64 [B], 0..num_buttons-1.
            state: float32 [B, S], `zero_state` at the start.
            prev_velocity: float32 [B], 1..127, or 0 when nothing was played; needed if `takes_velocity`.
            options: onnxruntime's, for one run.

        Returns:
            logits float32 [B, 88], the next state float32 [B, S], and the expected velocity (1..127) of each
            key, float32 [B, 88], or None where the graph has no such output.
        """
        feed = {"prev_key": prev_key, "delta_time": delta_time, "button": button, "state": state}
        if self.takes_velocity:
            feed["prev_velocity"] = np.zeros(len(button), np.float32) if prev_velocity is None else prev_velocity
        results = self._session.run(self._outputs, feed, options)
        return results[0], results[1], results[2] if self.gives_velocity else None

    def bind(self, buffers: dict[str, np.ndarray]) -> Callable[[], None]:
        """A step on fixed buffers: called without arguments, it reads and writes them in place.

        `buffers` holds an array for each input and output by its name, as for `step`; those of optional ones that the
        graph does not have are left alone.
        """
        binding = self._session.io_binding()
        for names, bind in (
            ([i.name for i in self._session.get_inputs()], binding.bind_input),
            (self._outputs, binding.bind_output),
        ):
            for name in names:
                array = buffers[name]
                bind(name, "cpu", 0, array.dtype.type, array.shape, array.ctypes.data)
        run = self._session.run_with_iobinding

        def step() -> None:
            run(binding)

        step.buffers = buffers  # onnxruntime holds bare addresses: the arrays must live as long as the step
        return step


class Encoder:
    """Keys and their times -> the buttons that a trained hand would press for them."""

    def __init__(self, graph: bytes, where: str):
        self._session = session(graph, where, loops=True)
        inputs = {i.name: i.type for i in self._session.get_inputs()}
        outputs = {o.name: o.type for o in self._session.get_outputs()}
        if inputs != {"keys": "tensor(int64)", "delta_times": "tensor(float)"}:
            raise UserError(f"{where}: the inputs must be keys (int64) and delta_times (float32)")
        if outputs.get("buttons") != "tensor(int64)":
            raise UserError(f"{where}: the output must be buttons (int64)")
        self.metadata: dict[str, str] = self._session.get_modelmeta().custom_metadata_map

    def encode(self, keys: np.ndarray, delta_times: np.ndarray, options: ort.RunOptions | None = None) -> np.ndarray:
        """keys int64 [B, N] (0..87), delta_times float32 [B, N] (s) -> buttons int64 [B, N]."""
        return self._session.run(["buttons"], {"keys": keys, "delta_times": delta_times}, options)[0]


@dataclass(frozen=True)
class Model:
    """A checked model folder. `encoder` is None where the folder has none: the decoder is the instrument."""

    name: str
    folder: Path
    card: dict
    num_buttons: int
    decoder: Decoder
    encoder: Encoder | None


def find_model(name_or_dir: str | Path) -> Path:
    """The folder of a model given by name (one that ships, or one's own) or by path.

    A bare name means a model that ships, then one of one's own, whatever else lies in the current folder; ./name is
    the one there. Raises UserError if there is none.
    """
    named = {folder.name: folder for folder in [*own_models(), *shipped_models()]}
    if str(name_or_dir) in named:
        return named[str(name_or_dir)]
    path = os.path.expanduser(name_or_dir)
    if os.path.isdir(path):
        return Path(path)
    names = ", ".join(sorted(named)) or "none"
    raise UserError(f"{name_or_dir}: no such model; the ones at hand are: {names} (or give a model folder)")


def shipped_models() -> list[Path]:
    """The folders of the models that ship, by name."""
    return _models_in(models_dir())


def own_models() -> list[Path]:
    """The folders of the models that were trained here and can be played by name, by name."""
    return _models_in(own_models_dir())


def _models_in(root: Path) -> list[Path]:
    # What begins with a dot is yet to be finished (prepare.whole_folder).
    return sorted(p.parent for p in root.glob("[!.]*/model.json")) if root.is_dir() else []


def load_card(folder: Path) -> dict:
    """model.json of a folder, with `format` and `num_buttons` checked. Raises UserError."""
    path = folder / "model.json"
    card = read_json(path, MAX_CARD_BYTES)
    if not isinstance(card, dict):
        raise UserError(f"{path}: not a model card: a JSON object is expected")
    if card.get("format") not in (FORMAT, 1, "1"):
        raise UserError(f"{path}: format {card.get('format')!r} is not {FORMAT!r}, the one that this version reads")
    buttons = card.get("num_buttons")
    if not isinstance(buttons, int) or isinstance(buttons, bool) or not 2 <= buttons <= MAX_BUTTONS:
        raise UserError(f"{path}: num_buttons is {buttons!r}, not a number in 2..{MAX_BUTTONS}")
    if not isinstance(card.get("name"), str) or not card["name"]:
        raise UserError(f"{path}: the model has no name")
    if not card["name"].isprintable():
        raise UserError(f"{path}: the model's name {card['name']!r} holds characters that cannot be shown")
    return card


def load_model(name_or_dir: str | Path = DEFAULT_MODEL, with_encoder: bool = True) -> Model:
    """Read and check a model folder; the decoder is warm when this returns.

    Args:
        name_or_dir: the name of a model that ships or of one's own, or a folder.
        with_encoder: the instrument has no use for the encoder, and starts faster without.

    Raises:
        UserError: a file is missing, of another format, too large, of the wrong shapes, does not match its
            checksum in model.json, or its numbers are not finite.
    """
    folder = find_model(name_or_dir)
    card = load_card(folder)
    buttons = card["num_buttons"]
    decoder = Decoder(_checked_graph(folder / "decoder.onnx", card), str(folder / "decoder.onnx"))
    _check_metadata(folder / "decoder.onnx", decoder.metadata, buttons)
    _check_decoder(decoder, buttons, str(folder / "decoder.onnx"))
    encoder = None
    if with_encoder and (folder / "encoder.onnx").exists():
        encoder = Encoder(_checked_graph(folder / "encoder.onnx", card), str(folder / "encoder.onnx"))
        _check_metadata(folder / "encoder.onnx", encoder.metadata, buttons)
        _check_encoder(encoder, str(folder / "encoder.onnx"))
    return Model(card["name"], folder, card, buttons, decoder, encoder)


def _checked_graph(path: Path, card: dict) -> bytes:
    graph = read_bytes(path, MAX_GRAPH_BYTES)
    # Format 1 does not say under which name the card keeps the checksums, only that it holds them.
    if hashlib.sha256(graph).hexdigest() not in json.dumps(card):
        raise UserError(f"{path}: does not match its checksum in model.json; fetch or export the model again")
    return graph


def _check_metadata(path: Path, metadata: dict[str, str], buttons: int) -> None:
    if metadata.get("num_buttons") != str(buttons):
        raise UserError(
            f"{path}: made for {metadata.get('num_buttons', 'an unknown number of')} buttons, "
            f"but model.json says {buttons}"
        )
    if metadata.get("format", FORMAT) not in (FORMAT, "1"):
        raise UserError(f"{path}: format {metadata['format']!r} is not {FORMAT!r}")


def _check_decoder(decoder: Decoder, buttons: int, where: str) -> None:
    """Play two steps of two buttons: shapes, finiteness and the free batch size, and the caches get warm.

    Where the decoder says that a single row will do for all else, it is held to that as well.
    """
    for rows in (2, 1) if decoder.single_rows else (2,):
        _check_steps(decoder, buttons, rows, where)


def _check_steps(decoder: Decoder, buttons: int, rows: int, where: str) -> None:
    def play(options: ort.RunOptions) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        state = decoder.zero_state(rows)
        for key, seconds in ((NO_KEY, FIRST_DELTA_TIME_S), (39, 0.25)):
            times, pressed = np.full(rows, seconds, np.float32), np.array([0, buttons - 1], np.int64)
            step = decoder.step(np.full(rows, key, np.int64), times, pressed, state, options=options)
            state = step[1][:rows]
        return step

    logits, state, velocity = _first_run(play, f"{where}: does not run as a decoder of format 1")
    if logits.shape != (2, NUM_KEYS) or state.shape != (2, decoder.state_size):
        raise UserError(
            f"{where}: logits {logits.shape} and next_state {state.shape} "
            f"should be {(2, NUM_KEYS)} and {(2, decoder.state_size)}"
        )
    if velocity is not None and velocity.shape != (2, NUM_KEYS):
        raise UserError(f"{where}: velocity {velocity.shape} should be {(2, NUM_KEYS)}")
    if not all(np.isfinite(numbers).all() for numbers in (logits, state, velocity) if numbers is not None):
        raise UserError(f"{where}: its numbers are not finite")


def _check_encoder(encoder: Encoder, where: str) -> None:
    """Find the buttons of two notes."""

    def find(options: ort.RunOptions) -> np.ndarray:
        return encoder.encode(np.array([[39, 40]]), np.full((1, 2), 0.25, np.float32), options)

    buttons = _first_run(find, f"{where}: does not run as an encoder of format 1")
    if buttons.shape != (1, 2):
        raise UserError(f"{where}: buttons {buttons.shape} should be (1, 2)")


def _first_run(run: Callable[[ort.RunOptions], Answer], fault: str) -> Answer:
    try:
        return patiently(run)
    except TooLong as error:
        raise UserError(f"{fault} (it takes more than {PATIENCE_S:g} s)") from error
    except Exception as error:
        raise UserError(f"{fault} ({one_line(error)})") from error
