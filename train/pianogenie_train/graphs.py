"""The network as two ONNX graphs of format 1: `decoder.onnx`, one step, and `encoder.onnx`, whole windows.

The decoder's first layer is linear up to its gates, so every input's share of the gates is worked out here,
once: a step looks up three rows, adds them to the state's share, and has one product a layer. That, and not
the size of the network, is what makes a step quick: at this size a node costs more than its arithmetic.
"""

import contextlib
import logging
import warnings
from collections.abc import Iterator

import onnx
import torch
import torch.nn.functional as F
from torch import nn

from pianogenie.keys import NUM_KEYS
from pianogenie.model import FORMAT
from pianogenie_train.model import Autoencoder, Decoder, delta_time_bins
from pianogenie_train.quantiser import button_of, value_of

OPSET = 18
"""Old enough for onnxruntime 1.17 and its WebAssembly build."""

_IR_VERSION = 8
"""The file format that came with that opset."""


class DecoderStep(nn.Module):
    """One step of a decoder, its state packed into a row: h and c of the first layer, h and c of the next, ..."""

    def __init__(self, decoder: Decoder, num_buttons: int):
        super().__init__()
        lstm, self.dim, self.layers = decoder.lstm, decoder.lstm.hidden_size, decoder.lstm.num_layers
        self.state_size = 2 * self.dim * self.layers
        with torch.no_grad():
            into = _gates_last(lstm.weight_ih_l0).T  # [dim, 4 dim]
            bias = _gates_last(lstm.bias_ih_l0 + lstm.bias_hh_l0) + decoder.button_weight.bias @ into
            buttons = decoder.button_weight(value_of(torch.arange(num_buttons), num_buttons)[:, None])
            self._keep("key_rows", decoder.key_table.weight @ into + bias)
            self._keep("time_rows", decoder.time_table.weight @ into)
            self._keep("button_rows", (buttons - decoder.button_weight.bias) @ into)
            self._keep("product_0", _gates_last(lstm.weight_hh_l0).T)
            for layer in range(1, self.layers):
                below, own = (_gates_last(getattr(lstm, f"weight_{kind}_l{layer}")) for kind in ("ih", "hh"))
                self._keep(f"product_{layer}", torch.cat([below, own], dim=1).T)
                self._keep(
                    f"bias_{layer}",
                    _gates_last(getattr(lstm, f"bias_ih_l{layer}") + getattr(lstm, f"bias_hh_l{layer}")),
                )
            self._keep("output_product", decoder.output.weight.T)
            self._keep("output_bias", decoder.output.bias)

    def forward(
        self, prev_key: torch.Tensor, delta_time: torch.Tensor, button: torch.Tensor, state: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """prev_key, button int64 [B], delta_time float [B], state [B, S] -> logits [B, 88], next_state [B, S]."""
        parts = state.split(self.dim, dim=1)
        # F.embedding, not indexing: the exporter makes one Gather of it.
        rows = (
            F.embedding(prev_key, self.key_rows)
            + F.embedding(delta_time_bins(delta_time), self.time_rows)
            + F.embedding(button, self.button_rows)
        )
        following: list[torch.Tensor] = []
        below = rows
        for layer in range(self.layers):
            hidden, cell = parts[2 * layer], parts[2 * layer + 1]
            product = getattr(self, f"product_{layer}")
            if layer == 0:
                gates = torch.addmm(rows, hidden, product)
            else:
                gates = torch.addmm(getattr(self, f"bias_{layer}"), torch.cat([below, hidden], dim=1), product)
            opening, candidate = gates.split([3 * self.dim, self.dim], dim=1)
            read, forget, show = torch.sigmoid(opening).split(self.dim, dim=1)
            cell = forget * cell + read * torch.tanh(candidate)
            below = show * torch.tanh(cell)
            following += [below, cell]
        return torch.addmm(self.output_bias, below, self.output_product), torch.cat(following, dim=1)

    def _keep(self, name: str, tensor: torch.Tensor) -> None:
        self.register_buffer(name, tensor.detach().clone().contiguous())


class EncoderGraph(nn.Module):
    """The encoder with the quantiser behind it."""

    def __init__(self, model: Autoencoder):
        super().__init__()
        self.encoder, self.num_buttons = model.encoder, model.num_buttons

    def forward(self, keys: torch.Tensor, delta_times: torch.Tensor) -> torch.Tensor:
        """keys int64 [B, N], delta_times float [B, N] in seconds -> buttons int64 [B, N]."""
        return button_of(self.encoder(keys, delta_times), self.num_buttons)


def _gates_last(weight: torch.Tensor) -> torch.Tensor:
    """torch's gates [4 dim, ...] in the order i, f, g, o -> i, f, o, g: three sigmoids side by side."""
    read, forget, candidate, show = weight.chunk(4)
    return torch.cat([read, forget, show, candidate])


def decoder_graph(model: Autoencoder) -> onnx.ModelProto:
    """`decoder.onnx` of a model."""
    step = DecoderStep(model.decoder, model.num_buttons).eval()
    example = (torch.tensor([0, NUM_KEYS]), torch.tensor([0.1, 1e6]), torch.tensor([0, 1]),
               torch.zeros(2, step.state_size))
    return _export(step, example, ["prev_key", "delta_time", "button", "state"], ["logits", "next_state"],
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
