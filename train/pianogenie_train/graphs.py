"""The network as two ONNX graphs of format 1: `decoder.onnx`, one step, and `encoder.onnx`, whole windows.

What one step of each network is stands in steps.py.
"""

import contextlib
import logging
import warnings
from collections.abc import Iterator

import onnx
import torch
from torch import nn

from pianogenie.keys import NUM_KEYS
from pianogenie.model import FORMAT
from pianogenie_train.model import Autoencoder
from pianogenie_train.quantiser import button_of
from pianogenie_train.steps import one_step

OPSET = 18
"""Old enough for onnxruntime 1.17 and its WebAssembly build."""

_IR_VERSION = 8
"""The file format that came with that opset."""


class EncoderGraph(nn.Module):
    """The encoder with the quantiser behind it."""

    def __init__(self, model: Autoencoder):
        super().__init__()
        self.encoder, self.num_buttons = model.encoder, model.num_buttons

    def forward(self, keys: torch.Tensor, delta_times: torch.Tensor) -> torch.Tensor:
        """keys int64 [B, N], delta_times float [B, N] in seconds -> buttons int64 [B, N]."""
        return button_of(self.encoder(keys, delta_times), self.num_buttons)


def decoder_graph(model: Autoencoder) -> onnx.ModelProto:
    """`decoder.onnx` of a model."""
    step = one_step(model)
    example = (torch.tensor([0, NUM_KEYS]), torch.tensor([0.1, 1e6]), torch.tensor([0, 1]),
               torch.zeros(2, step.state_size))
    return _export(step, example, ["prev_key", "delta_time", "button", "state"], list(step.outputs),
                   ("batch",), model.num_buttons)


def encoder_graph(model: Autoencoder) -> onnx.ModelProto:
    """`encoder.onnx` of a model."""
    example = (torch.zeros(2, 3, dtype=torch.int64), torch.full((2, 3), 0.1))
    return _export(EncoderGraph(model).eval(), example, ["keys", "delta_times"], ["buttons"],
                   ("batch", "notes"), model.num_buttons)


def _export(module: nn.Module, example: tuple, inputs: list[str], outputs: list[str], axes: tuple[str, ...],
            num_buttons: int) -> onnx.ModelProto:
    """A module as a graph whose inputs' and outputs' first axes, named `axes`, are free."""
    free = {axis: torch.export.Dim(name) for axis, name in enumerate(axes)}
    with _quiet():
        graph = torch.onnx.export(
            module, example, input_names=inputs, output_names=outputs, dynamo=True, verbose=False,
            dynamic_shapes=tuple(free for _ in example), opset_version=OPSET,
        ).model_proto
    graph.ir_version = _IR_VERSION
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


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """The exporter's talk about itself off."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
