"""The network as two ONNX graphs of format 1: `decoder.onnx`, one step, and `encoder.onnx`, whole windows.

What one step of each network is stands in steps.py.
"""

import numpy as np
import onnx
import torch
from torch import nn

from pianogenie.keys import NUM_KEYS
from pianogenie.model import FORMAT
from pianogenie_train.hushed import hushed
from pianogenie_train.model import Autoencoder
from pianogenie_train.recurrence import EXPORTED_AS
from pianogenie_train.steps import one_step

OPSET = 18
"""Old enough for onnxruntime 1.17 and its WebAssembly build."""

_IR_VERSION = 8
"""The file format that came with that opset."""


class EncoderGraph(nn.Module):
    """The encoder with the quantiser behind it."""

    def __init__(self, model: Autoencoder):
        super().__init__()
        self.encoder, self.quantiser = model.encoder, model.quantiser

    def forward(self, keys: torch.Tensor, delta_times: torch.Tensor) -> torch.Tensor:
        """keys int64 [B, N], delta_times float [B, N] in seconds -> buttons int64 [B, N]."""
        return self.quantiser.buttons(self.encoder(keys, delta_times))


def decoder_graph(model: Autoencoder) -> onnx.ModelProto:
    """`decoder.onnx` of a model."""
    step = one_step(model)
    example = (
        torch.tensor([0, NUM_KEYS]),
        torch.tensor([0.1, 1e6]),
        torch.tensor([0, 1]),
        torch.zeros(2, step.state_size),
    )
    return _export(
        step, example, ["prev_key", "delta_time", "button", "state"], list(step.outputs), ("batch",), model.num_buttons
    )


def encoder_graph(model: Autoencoder) -> onnx.ModelProto:
    """`encoder.onnx` of a model."""
    example = (torch.zeros(2, 3, dtype=torch.int64), torch.full((2, 3), 0.1))
    return _export(
        EncoderGraph(model).eval(), example, ["keys", "delta_times"], ["buttons"], ("batch", "notes"), model.num_buttons
    )


def _export(
    module: nn.Module, example: tuple, inputs: list[str], outputs: list[str], axes: tuple[str, ...], num_buttons: int
) -> onnx.ModelProto:
    """A module as a graph whose inputs' and outputs' first axes, named `axes`, are free."""
    free = {axis: torch.export.Dim(name) for axis, name in enumerate(axes)}
    with hushed("torch.onnx", {}):  # the exporter talks about itself
        graph = torch.onnx.export(
            module,
            example,
            input_names=inputs,
            output_names=outputs,
            dynamo=True,
            verbose=False,
            dynamic_shapes=tuple(free for _ in example),
            opset_version=OPSET,
        ).model_proto
    graph.ir_version = _IR_VERSION
    _spell_out_recurrences(graph)
    # The exporter notes down the source line of every node; those are the trainer's business, not the model's.
    del graph.graph.value_info[:]
    for node in graph.graph.node:
        node.doc_string = ""
        del node.metadata_props[:]
    for value in (*graph.graph.input, *graph.graph.output):
        del value.metadata_props[:]
        for axis, name in enumerate(axes):  # of the encoder's output it believes the example's length
            value.type.tensor_type.shape.dim[axis].dim_param = name
    del graph.graph.metadata_props[:]
    del graph.metadata_props[:]
    onnx.helper.set_model_props(graph, {"format": FORMAT, "num_buttons": str(num_buttons)})
    onnx.checker.check_model(graph)
    return graph


def _spell_out_recurrences(graph: onnx.ModelProto) -> None:
    """Replace each node EXPORTED_AS of inputs a, v [N, B, D] by a Scan over N of h = a * h + v from zeros [B, D]."""
    domain, name = EXPORTED_AS.split("::")
    scans = [node for node in graph.graph.node if (node.domain, node.op_type) == (domain, name)]
    if not scans:
        return
    make, float_ = onnx.helper, onnx.TensorProto.FLOAT
    value = make.make_tensor_value_info
    body = make.make_graph(
        [
            make.make_node("Mul", ["a", "h"], ["kept"]),
            make.make_node("Add", ["kept", "v"], ["next"]),
            make.make_node("Identity", ["next"], ["state"]),
        ],
        "recurrence",
        [value(i, float_, None) for i in ("h", "a", "v")],
        [value(i, float_, None) for i in ("next", "state")],
    )
    nodes = []
    for node in graph.graph.node:
        if node not in scans:
            nodes.append(node)
            continue
        a, v = node.input
        state = node.output[0]
        first, zeros = f"{state}_first", f"{state}_zeros"
        nodes += [
            make.make_node("Gather", [v, "recurrence_first"], [first], axis=0),
            make.make_node("Sub", [first, first], [zeros]),
            make.make_node("Scan", [zeros, a, v], [f"{state}_last", state], body=body, num_scan_inputs=2),
        ]
    del graph.graph.node[:]
    graph.graph.node.extend(nodes)
    graph.graph.initializer.append(onnx.numpy_helper.from_array(np.int64(0), "recurrence_first"))
    kept = [opset for opset in graph.opset_import if opset.domain != domain]
    del graph.opset_import[:]
    graph.opset_import.extend(kept)
