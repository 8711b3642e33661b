"""The network as two ONNX graphs of format 1: `decoder.onnx`, one step, and `encoder.onnx`, whole windows.

What one step of each network is stands in steps.py.
"""

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from onnx.helper import make_node as make
from torch import nn

from pianogenie.keys import NUM_KEYS
from pianogenie.model import FORMAT, SINGLE_ROW_INPUTS, SINGLE_ROWS
from pianogenie_train import fastweights, recurrence, shares
from pianogenie_train.hushed import hushed
from pianogenie_train.model import Autoencoder
from pianogenie_train.steps import one_step

OPSET = 18
"""Old enough for onnxruntime 1.17 and its WebAssembly build."""

_IR_VERSION = 8
"""The file format that came with that opset."""


class EncoderGraph(nn.Module):
    """What finds the buttons."""

    def __init__(self, model: Autoencoder):
        super().__init__()
        self.model = model

    def forward(self, keys: torch.Tensor, delta_times: torch.Tensor) -> torch.Tensor:
        """keys int64 [B, N], delta_times float [B, N] in seconds -> buttons int64 [B, N]."""
        return self.model.buttons(keys, delta_times)


def decoder_graph(model: Autoencoder) -> onnx.ModelProto:
    """`decoder.onnx` of a model."""
    step = one_step(model)
    example = (
        torch.tensor([0, NUM_KEYS]),
        torch.tensor([0.1, 1e6]),
        torch.tensor([0, 1]),
        torch.zeros(2, step.state_size),
    )
    names = ["prev_key", "delta_time", "button", "state"]
    graph = _export(step, example, names, list(step.outputs), ("batch",), model.num_buttons)
    if step.single_rows:
        # onnxruntime takes what has the same name for as long, and lays one over the other in memory.
        for value in (*graph.graph.input, *graph.graph.output):
            if value.name not in SINGLE_ROWS:
                value.type.tensor_type.shape.dim[0].dim_param = "buttons"
        graph.metadata_props.add(key=SINGLE_ROW_INPUTS, value=" ".join(SINGLE_ROWS))
        onnx.checker.check_model(graph)
    return graph


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
    _spell_out(graph)
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


def _spell_out(graph: onnx.ModelProto) -> None:
    """Replace what torch knew as one operation by a Scan, a loop over the notes; a graph without any is left alone."""
    spelt_out = {
        recurrence.EXPORTED_AS: _recurrence,
        fastweights.EXPORTED_AS: _recall,
        shares.EXPORTED_AS: _coding,
    }
    known = {tuple(name.split("::")): write for name, write in spelt_out.items()}
    nodes, numbers = [], {}
    for node in graph.graph.node:
        write = known.get((node.domain, node.op_type))
        nodes += [node] if write is None else write(node, numbers)
    if not numbers:
        return
    del graph.graph.node[:]
    graph.graph.node.extend(nodes)
    graph.graph.initializer.extend(numpy_helper.from_array(number, name) for name, number in numbers.items())
    kept = [opset for opset in graph.opset_import if opset.domain not in {domain for domain, _ in known}]
    del graph.opset_import[:]
    graph.opset_import.extend(kept)


def _recurrence(node: onnx.NodeProto, numbers: dict[str, np.ndarray]) -> list[onnx.NodeProto]:
    """h = a * h + v over N from zeros [B, D], of inputs a, v [N, B, D]; what it reads besides goes into `numbers`."""
    a, v = node.input
    state = node.output[0]
    zeros, nothing = _nothing(v, state, numbers)
    body = [
        make("Mul", ["a", "h"], ["kept"]),
        make("Add", ["kept", "v"], ["next"]),
        make("Identity", ["next"], ["state"]),
    ]
    return [
        *nothing,
        make("Scan", [zeros, a, v], [f"{state}_last", state], body=_body(body, "hav"), num_scan_inputs=2),
    ]


def _recall(node: onnx.NodeProto, numbers: dict[str, np.ndarray]) -> list[onnx.NodeProto]:
    """fastweights.recall: of inputs asked [N, B, H, 1, A], written [N, B, H, A, 1], content [N, B, H, 1, C] and decay
    [H, 1, 1] what was found [N, B, H, 1, C]."""
    asked, written, content, decay = node.input
    found = node.output[0]
    not_written, nothing = _nothing(written, f"{found}_written", numbers)
    no_content, nothing_more = _nothing(content, f"{found}_content", numbers)
    empty = f"{found}_empty"
    body = [
        make("Mul", [decay, "h"], ["kept"]),
        make("Mul", ["k", "v"], ["put"]),
        make("Add", ["kept", "put"], ["next"]),
        make("MatMul", ["q", "next"], ["state"]),
    ]
    return [
        *nothing,
        *nothing_more,
        make("Mul", [not_written, no_content], [empty]),
        make(
            "Scan",
            [empty, asked, written, content],
            [f"{found}_last", found],
            body=_body(body, "hqkv"),
            num_scan_inputs=3,
        ),
    ]


def _coding(node: onnx.NodeProto, numbers: dict[str, np.ndarray]) -> list[onnx.NodeProto]:
    """shares.code: of inputs up, down, ways [N, B] the buttons [N, B], each seen from the one before."""
    up, down, ways = node.input
    buttons = node.output[0]
    count = onnx.helper.get_node_attr_value(node, "num_buttons")
    room_above, room_under = shares.room(torch.tensor(0.0), count)
    numbers |= {
        "coding_nowhere": np.float32(shares.NOWHERE),
        "coding_above": np.float32(room_above),
        "coding_under": np.float32(room_under),
        "coding_half": np.float32(0.5),
        "coding_lowest": np.float32(0),
        "coding_highest": np.float32(count - 1),
    }
    body = [
        make("Sub", ["coding_above", "h"], ["above"]),
        make("Add", ["coding_under", "h"], ["under"]),
        make("Mul", ["u", "above"], ["up"]),
        make("Mul", ["d", "under"], ["down"]),
        make("Add", ["h", "w"], ["beside"]),
        make("Add", ["beside", "up"], ["beyond"]),
        make("Sub", ["beyond", "down"], ["place"]),
        make("Add", ["place", "coding_half"], ["upper"]),
        make("Floor", ["upper"], ["nearest"]),
        make("Clip", ["nearest", "coding_lowest", "coding_highest"], ["next"]),
        make("Identity", ["next"], ["state"]),
    ]
    here, found = f"{buttons}_here", f"{buttons}_found"
    zeros, nothing = _nothing(up, buttons, numbers)
    scan = make("Scan", [here, up, down, ways], [f"{buttons}_last", found], body=_body(body, "hudw"), num_scan_inputs=3)
    return [
        *nothing,
        make("Add", [zeros, "coding_nowhere"], [here]),
        scan,
        make("Cast", [found], [buttons], to=onnx.TensorProto.INT64),
    ]


def _nothing(notes: str, name: str, numbers: dict[str, np.ndarray]) -> tuple[str, list[onnx.NodeProto]]:
    """The name of noughts in the shape of one of `notes` [N, ...], and the nodes that make them."""
    numbers["loop_first"] = np.int64(0)
    first, zeros = f"{name}_first", f"{name}_zeros"
    return zeros, [
        make("Gather", [notes, "loop_first"], [first], axis=0),
        make("Sub", [first, first], [zeros]),
    ]


def _body(nodes: list[onnx.NodeProto], inputs: str) -> onnx.GraphProto:
    """A loop's body from its inputs, the state first, to `next` and `state`."""
    value = onnx.helper.make_tensor_value_info
    float_ = onnx.TensorProto.FLOAT
    return onnx.helper.make_graph(
        nodes, "loop", [value(i, float_, None) for i in inputs], [value(o, float_, None) for o in ("next", "state")]
    )
