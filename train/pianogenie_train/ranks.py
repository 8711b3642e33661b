"""Several processes that train one model, as `torchrun` starts them: which of them this is, and how they agree.

Each learns from its share of every batch, and torch's DistributedDataParallel averages their gradients. What one
process alone would decide (a signal, the clock, a full disk) they decide together, here, at the same step: else the
rest would wait for the one that left.

A process that was started without torchrun is a world of its own, and pays nothing for any of this.
"""

from __future__ import annotations

import contextlib
import datetime
import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from pianogenie.errors import UserError

if TYPE_CHECKING:
    import torch


_PATIENCE = datetime.timedelta(days=1)
"""How long the others wait for what the first one does for all; who ends is noticed at once."""


class OwnFault(UserError):
    """A fault that one process has and the others do not hear of: it speaks for itself."""


def launched() -> bool:
    """Whether torchrun started this process."""
    return "TORCHELASTIC_RUN_ID" in os.environ


def rank() -> int:
    """This process's number among all, from 0; the first writes, logs and speaks for all."""
    return _told("RANK", 0)


def world() -> int:
    """How many processes there are, on all machines."""
    return _told("WORLD_SIZE", 1)


def on_this_machine() -> int:
    """How many of them are on this machine."""
    return _told("LOCAL_WORLD_SIZE", 1)


def _told(name: str, alone: int) -> int:
    return int(os.environ.get(name, alone)) if launched() else alone


def largest(*values: float) -> list[float]:
    """The largest of each value over all processes. All must ask for it at the same time."""
    return _reduced(values, "MAX")


def total(*values: float) -> list[float]:
    """The sum of each value over all processes. All must ask for it at the same time."""
    return _reduced(values, "SUM")


def mean(*values: float) -> list[float]:
    """The mean of each value over all processes; NaN if it is that in any. All must ask for it at the same time."""
    return [value / world() for value in total(*values)]


def _reduced(values: tuple[float, ...], operation: str) -> list[float]:
    if world() == 1:
        return [float(value) for value in values]
    import torch
    import torch.distributed as dist

    tensor = torch.tensor(values, dtype=torch.float64)  # on the CPU, whatever the model runs on: gloo carries it
    dist.all_reduce(tensor, getattr(dist.ReduceOp, operation))
    return tensor.tolist()


def add_up(tensor: torch.Tensor) -> None:
    """Make every process's `tensor` the sum of all of them, where the model runs. All must ask at the same time."""
    if world() > 1:
        import torch.distributed as dist

        dist.all_reduce(tensor)


def raise_together(fault: UserError | None) -> None:
    """Raise `fault` in the process that has one, and in all others too, which would wait for it for ever."""
    (faulty,) = largest(fault is not None)
    if fault is not None:
        raise fault
    if faulty:
        raise UserError("the training ended on another machine, which says why")


def join(backend: str) -> None:
    """Meet the other processes, if there are any, by torch's `backend`, before a training would have them meet."""
    if world() > 1:
        import torch.distributed as dist

        dist.init_process_group(backend, timeout=_PATIENCE)


def first_alone(work: Callable[[], object]) -> None:
    """Have the first process do what is done once for all; the others wait, and end with it if it raises UserError."""
    fault = None
    if rank() == 0:
        try:
            work()
        except UserError as error:
            fault = error
    raise_together(fault)


@contextlib.contextmanager
def one_voice() -> Iterator[None]:
    """Let only the first process of each machine say what the person has to put right; the exit status is all's."""
    try:
        yield
    except OwnFault:
        raise
    except UserError:
        if _told("LOCAL_RANK", 0):
            raise SystemExit(2) from None
        raise
