"""What a configuration's network will take up, before anything is trained: too much is said in time."""

import math

import torch

from pianogenie.errors import UserError
from pianogenie.model import MAX_GRAPH_BYTES, MAX_STATE_SIZE
from pianogenie_train.config import Config
from pianogenie_train.model import Autoencoder
from pianogenie_train.parents import MAX_WEIGHTS_BYTES
from pianogenie_train.runs import MAX_CHECKPOINT_BYTES
from pianogenie_train.steps import one_step

_COPIES = 3
"""Of each weight in a checkpoint: itself, and AdamW's two means."""
_OVERHEAD_BYTES = 1 << 20
"""Of a checkpoint, or a graph, beside its numbers, at most."""


def check_trainable(config: Config) -> None:
    """Raise UserError for a network of which `--resume` would not read the checkpoints."""
    needed = _COPIES * _weights_bytes(config) + _OVERHEAD_BYTES
    if needed > MAX_CHECKPOINT_BYTES:
        raise UserError(
            f"configuration: a checkpoint of this network would take {_mib(needed)} MiB, and at most "
            f"{_mib(MAX_CHECKPOINT_BYTES)} are read again; give a lower rnn_dim, encoder_dim or number of layers"
        )


def check_exportable(config: Config) -> None:
    """Raise UserError for a network that could be trained, but not made a model folder of that can be read."""
    check_trainable(config)  # what is built here fits the memory
    model = Autoencoder(config)
    step = one_step(model)
    encoder = model if model.encoder is None else model.encoder  # which is the decoder's own expectations, else
    for what, needed, most in (
        ("decoder", _bytes(step), MAX_GRAPH_BYTES),
        ("encoder", _bytes(encoder), MAX_GRAPH_BYTES),
        ("weights", _bytes(model), MAX_WEIGHTS_BYTES),
    ):
        if needed > most:
            raise UserError(
                f"configuration: a model folder's {what} would take {_mib(needed)} MiB, and at most {_mib(most)} are "
                "read; give a lower rnn_dim, encoder_dim or number of layers"
            )
    if step.state_size > MAX_STATE_SIZE:
        raise UserError(
            f"configuration: the decoder's state would be {step.state_size:,} numbers, and at most {MAX_STATE_SIZE:,} "
            "are played with; give a lower rnn_dim, memories or number of layers"
        )


def _weights_bytes(config: Config) -> int:
    with torch.device("meta"):  # shapes alone: there may not be as much memory
        return _bytes(Autoencoder(config))


def _bytes(module: torch.nn.Module) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in module.state_dict().values())


def _mib(count: int) -> str:
    return f"{math.ceil(count / (1 << 20)):,}"
