"""Weights in the form of weights.py -> the two graphs of format 1, node by node.

Written out rather than traced: torch is not needed, and a step has no node too many. At this size a node costs
about as much as its arithmetic, so inputs are rows to look up and not products with one-hot vectors.
"""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from pianogenie.keys import NUM_KEYS
from pianogenie.model import FORMAT
from pianogenie_train.importing.weights import BinnedTime, DecoderWeights, EncoderWeights, ScaledTime

_OPSET = 17
"""Old enough for onnxruntime 1.17 and its WebAssembly build, as the exporter's are."""
_IR_VERSION = 8


class _Graph:
    """A graph under construction: nodes in order, constants by name."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, np.ndarray] = {}

    def add(self, kind: str, inputs: list[str], *outputs: str, **attributes) -> str:
        """Append a node; gives the name of its first output."""
        self.nodes.append(helper.make_node(kind, inputs, list(outputs), **attributes))
        return outputs[0]

    def keep(self, name: str, value: np.ndarray | float | list[int]) -> str:
        """A constant: whole numbers as int64, all others as float32."""
        array = np.asarray(value)
        self.constants[name] = np.ascontiguousarray(array, np.int64 if array.dtype.kind == "i" else np.float32)
        if array.ndim == 0:
            self.constants[name] = self.constants[name].reshape(())
        return name

    def finish(self, name: str, inputs: dict, outputs: dict, num_buttons: int) -> onnx.ModelProto:
        """The graph, checked; inputs and outputs are {name: (type, shape)}."""
        graph = helper.make_graph(
            self.nodes,
            name,
            [helper.make_tensor_value_info(n, kind, shape) for n, (kind, shape) in inputs.items()],
            [helper.make_tensor_value_info(n, kind, shape) for n, (kind, shape) in outputs.items()],
            [numpy_helper.from_array(value, n) for n, value in self.constants.items()],
        )
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR_VERSION, producer_name="pianogenie"
        )
        helper.set_model_props(model, {"format": FORMAT, "num_buttons": str(num_buttons)})
        onnx.checker.check_model(model)
        return model


def decoder_graph(weights: DecoderWeights) -> onnx.ModelProto:
    """`decoder.onnx`: the state is h and c of the first layer, h and c of the next, ..."""
    g, dim, layers = _Graph(), weights.dim, 1 + len(weights.above)
    g.keep("three_and_one", [3 * dim, dim])
    g.keep("three", [dim] * 3)
    g.keep("parts", [dim] * 2 * layers)
    g.add("Split", ["state", "parts"], *(f"{part}_{n}" for n in range(layers) for part in "hc"), axis=1)
    g.add("Gather", [g.keep("key_rows", weights.key_rows), "prev_key"], "of_key", axis=0)
    g.add("Gather", [g.keep("button_rows", weights.button_rows), "button"], "of_button", axis=0)
    g.add("Add", ["of_key", "of_button"], "of_both")
    g.add("Add", ["of_both", _time(g, weights.time)], "rows")
    g.add("Gemm", ["h_0", g.keep("product_0", weights.product), "rows"], "gates_0")
    for n in range(layers):
        if n > 0:
            layer = weights.above[n - 1]
            g.add("Concat", [f"h_{n - 1}_next", f"h_{n}"], f"read_{n}", axis=1)
            g.keep(f"product_{n}", layer.product)
            g.add("Gemm", [f"read_{n}", f"product_{n}", g.keep(f"bias_{n}", layer.bias)], f"gates_{n}")
        _cell(g, n)
    g.keep("output", weights.output)
    g.add("Gemm", [f"h_{layers - 1}_next", "output", g.keep("output_bias", weights.output_bias)], "logits")
    g.add("Concat", [f"{part}_{n}_next" for n in range(layers) for part in "hc"], "next_state", axis=1)
    state = (TensorProto.FLOAT, ["batch", weights.state_size])
    return g.finish(
        "decoder",
        {
            "prev_key": (TensorProto.INT64, ["batch"]),
            "delta_time": (TensorProto.FLOAT, ["batch"]),
            "button": (TensorProto.INT64, ["batch"]),
            "state": state,
        },
        {"logits": (TensorProto.FLOAT, ["batch", NUM_KEYS]), "next_state": state},
        weights.num_buttons,
    )


def _time(g: _Graph, time: BinnedTime | ScaledTime) -> str:
    """What `delta_time` adds to the first layer's gates: [batch, 4 dim]."""
    if isinstance(time, ScaledTime):
        g.add("Clip", ["delta_time", g.keep("no_s", 0.0), g.keep("most_s", time.most_s)], "seconds")
        g.add("Unsqueeze", ["seconds", g.keep("columns", [1])], "seconds_column")
        return g.add("MatMul", ["seconds_column", g.keep("time_direction", time.direction)], "of_time")
    g.add("Mul", ["delta_time", g.keep("bins_per_s", time.bins_per_s)], "place")
    # Clipped before it is made whole: the first delta time is 1e6 s, and infinity has no whole number.
    g.add("Clip", ["place", g.keep("first_bin", 0.0), g.keep("last_bin", float(len(time.rows) - 1))], "place_in_range")
    g.add("Round", ["place_in_range"], "place_whole")
    g.add("Cast", ["place_whole"], "bin", to=TensorProto.INT64)
    return g.add("Gather", [g.keep("time_rows", time.rows), "bin"], "of_time", axis=0)


def _cell(g: _Graph, n: int) -> None:
    """gates_n, c_n -> h_n_next, c_n_next."""
    g.add("Split", [f"gates_{n}", "three_and_one"], f"opening_{n}", f"candidate_{n}", axis=1)
    g.add("Sigmoid", [f"opening_{n}"], f"open_{n}")
    g.add("Split", [f"open_{n}", "three"], f"input_{n}", f"forget_{n}", f"show_{n}", axis=1)
    g.add("Tanh", [f"candidate_{n}"], f"new_{n}")
    g.add("Mul", [f"input_{n}", f"new_{n}"], f"taken_{n}")
    g.add("Mul", [f"forget_{n}", f"c_{n}"], f"kept_{n}")
    g.add("Add", [f"taken_{n}", f"kept_{n}"], f"c_{n}_next")
    g.add("Tanh", [f"c_{n}_next"], f"shown_{n}")
    g.add("Mul", [f"show_{n}", f"shown_{n}"], f"h_{n}_next")


def encoder_graph(weights: EncoderWeights, num_buttons: int) -> onnx.ModelProto:
    """`encoder.onnx`: whole performances, both ways, and the quantiser behind."""
    g, dim = _Graph(), weights.key_rows.shape[1]
    # Time comes first inside, [notes, batch, ...]: the only order of ONNX's LSTM that every runtime has.
    g.add("Transpose", ["keys"], "keys_t", perm=[1, 0])
    g.add("Transpose", ["delta_times"], "times_t", perm=[1, 0])
    g.add("Gather", [g.keep("key_rows", weights.key_rows), "keys_t"], "of_key", axis=0)
    g.add("Clip", ["times_t", g.keep("no_s", 0.0), g.keep("most_s", weights.time.most_s)], "seconds")
    g.add("Unsqueeze", ["seconds", g.keep("last_axis", [2])], "seconds_column")
    g.add("MatMul", ["seconds_column", g.keep("time_direction", weights.time.direction)], "of_time")
    below = g.add("Add", ["of_key", "of_time"], "read_0")
    g.keep("flat", [0, 0, 2 * dim])
    for n, layer in enumerate(weights.layers):
        # ONNX wants the biases of the input and of the hidden state apart; their sum is all that matters.
        bias = np.concatenate([layer.bias, np.zeros_like(layer.bias)], axis=1)
        parts = {f"into_{n}": layer.into, f"own_{n}": layer.own, f"bias_{n}": bias}
        names = [g.keep(name, value) for name, value in parts.items()]
        g.add("LSTM", [below, *names], f"both_{n}", hidden_size=dim, direction="bidirectional")
        g.add("Transpose", [f"both_{n}"], f"both_t_{n}", perm=[0, 2, 1, 3])
        below = g.add("Reshape", [f"both_t_{n}", "flat"], f"read_{n + 1}")
    g.add("MatMul", [below, g.keep("output", weights.output)], "e_column_unbiased")
    g.add("Add", ["e_column_unbiased", g.keep("output_bias", weights.output_bias)], "e_column")
    g.add("Squeeze", ["e_column", "last_axis"], "e_t")
    g.add("Transpose", ["e_t"], "e", perm=[1, 0])
    g.add("Clip", ["e", g.keep("lowest", -1.0), g.keep("highest", 1.0)], "e_in_range")
    g.add("Add", ["e_in_range", "highest"], "from_nought")
    g.add("Mul", ["from_nought", g.keep("spacings", (num_buttons - 1) / 2)], "place")
    g.add("Round", ["place"], "place_whole")
    g.add("Cast", ["place_whole"], "buttons", to=TensorProto.INT64)
    return g.finish(
        "encoder",
        {"keys": (TensorProto.INT64, ["batch", "notes"]), "delta_times": (TensorProto.FLOAT, ["batch", "notes"])},
        {"buttons": (TensorProto.INT64, ["batch", "notes"])},
        num_buttons,
    )
