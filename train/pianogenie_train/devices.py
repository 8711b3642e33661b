"""What a training runs on: whether torch finds it on this machine, and what is said where it is too small."""

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

import torch

from pianogenie.errors import UserError
from pianogenie_train.ranks import OwnFault

if TYPE_CHECKING:
    from pianogenie_train.training import Training

_OUT_OF_MEMORY = ("out of memory", "can't allocate memory", "not enough memory")
"""How torch's allocators say it; those of the CPU and of Apple's GPUs have no exception of their own."""


def check(device: str) -> None:
    """Raise UserError if torch finds no such device ("auto", "cpu", "gpu", "cuda" or "mps") on this machine."""
    cuda, mps = torch.cuda.is_available(), torch.backends.mps.is_available()
    if not {"gpu": cuda or mps, "cuda": cuda, "mps": mps}.get(device, True):
        raise UserError(
            f"--device {device}: torch {torch.__version__} finds none on this machine; leave --device out to take what "
            "there is, or install a build of torch for yours (pytorch.org)"
        )


@contextlib.contextmanager
def enough_memory(module: "Training") -> Iterator[None]:
    """Make one line of whatever torch says when a step of training does not fit into memory."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not isinstance(error, MemoryError) and not any(words in str(error) for words in _OUT_OF_MEMORY):
            raise
        config = module.config
        # This process alone knows, and cannot tell the others, which wait for its gradients.
        raise OwnFault(
            f"step {module.global_step}: out of memory with batches of {config.batch_size} windows of {config.window} "
            "notes; the last good checkpoint, if there is one, is kept. Train again with a lower batch_size or window "
            "(--set NAME=VALUE)"
        ) from error
