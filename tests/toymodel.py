"""Small decoders of format 1 with known answers, so that the instrument's tests need no trained model."""

import hashlib
import json
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from pianogenie.keys import NUM_KEYS
from pianogenie.model import FORMAT

STATE_SIZE = 4


def button_key(button: int, num_buttons: int = 8) -> int:
    """The key that the toy decoder likes best for a button: a whole octave for each, from C2 up."""
    return 15 + button * (64 // num_buttons)


def write_model(
    folder: Path,
    num_buttons: int = 8,
    *,
    same_key: bool = False,
    velocity: bool = False,
    softest: float = 50.0,
    spread: float = 20.0,
    num_logits: int = NUM_KEYS,
    drop_input: str | None = None,
    metadata: dict[str, str] | None = None,
) -> Path:
    """Write a model folder whose decoder likes `button_key(button)`, a little less its neighbours.

    `same_key` makes every button like key 40 best; `velocity` adds the optional input and output (the
    velocity is `softest` + the key's number / 2); `spread` is the logit's fall per semitone; `num_logits` and
    `drop_input` break the format; `metadata` is what the graph says of itself besides.
    """
    folder.mkdir(parents=True, exist_ok=True)
    places = [40 if same_key else button_key(b, num_buttons) for b in range(num_buttons)]
    table = -spread * np.abs(np.arange(num_logits)[None] - np.array(places)[:, None]).astype(np.float32)
    inputs = {
        "prev_key": (TensorProto.INT64, ["B"]),
        "delta_time": (TensorProto.FLOAT, ["B"]),
        "button": (TensorProto.INT64, ["B"]),
        "state": (TensorProto.FLOAT, ["B", STATE_SIZE]),
    }
    if velocity:
        inputs["prev_velocity"] = (TensorProto.FLOAT, ["B"])
    outputs = {
        "logits": (TensorProto.FLOAT, ["B", num_logits]),
        "next_state": (TensorProto.FLOAT, ["B", STATE_SIZE]),
    }
    constants = {"table": table, "half": np.float32(0.5), "one": np.int64([1])}
    nodes = [
        helper.make_node("Gather", ["table", "button"], ["logits"], axis=0),
        helper.make_node("Mul", ["state", "half"], ["halved"]),
        helper.make_node("Unsqueeze", ["delta_time", "one"], ["delta_column"]),
        helper.make_node("Clip", ["delta_column", "zero", "cap"], ["clipped"]),
        helper.make_node("Add", ["halved", "clipped"], ["summed"]),
        helper.make_node("Cast", ["prev_key"], ["prev_float"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["prev_float", "one"], ["prev_column"]),
        helper.make_node("Mul", ["prev_column", "tiny"], ["prev_small"]),
        helper.make_node("Add", ["summed", "prev_small"], ["next_state"]),
    ]
    constants |= {"zero": np.float32(0), "cap": np.float32(1), "tiny": np.float32(1e-6)}
    if velocity:
        outputs["velocity"] = (TensorProto.FLOAT, ["B", NUM_KEYS])
        constants["loudness"] = (softest + np.arange(NUM_KEYS) / 2).astype(np.float32)[None]
        nodes += [
            helper.make_node("Unsqueeze", ["prev_velocity", "one"], ["prev_velocity_column"]),
            helper.make_node("Mul", ["prev_velocity_column", "zero"], ["nothing"]),
            helper.make_node("Add", ["nothing", "loudness"], ["velocity"]),
        ]
    if drop_input:
        renamed = f"my_{drop_input}"
        inputs[renamed] = inputs.pop(drop_input)
        for node in nodes:
            node.input[:] = [renamed if name == drop_input else name for name in node.input]
    graph = helper.make_graph(
        nodes,
        "toy",
        [helper.make_tensor_value_info(name, kind, shape) for name, (kind, shape) in inputs.items()],
        [helper.make_tensor_value_info(name, kind, shape) for name, (kind, shape) in outputs.items()],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, {"num_buttons": str(num_buttons), "format": FORMAT, **(metadata or {})})
    data = model.SerializeToString()
    onnx.checker.check_model(model)
    (folder / "decoder.onnx").write_bytes(data)
    card = {
        "format": FORMAT,
        "name": folder.name,
        "num_buttons": num_buttons,
        "state_size": STATE_SIZE,
        "sha256": {"decoder.onnx": hashlib.sha256(data).hexdigest()},
    }
    (folder / "model.json").write_text(json.dumps(card))
    (folder / "README.md").write_text("# A toy\n")
    return folder
