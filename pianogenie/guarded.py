"""onnxruntime for a stranger's graph: what it may hold, how much memory it may take, how long a first run may last."""

import functools
import threading
import time
from collections.abc import Callable
from typing import TypeVar

import onnxruntime as ort

from pianogenie.errors import UserError
from pianogenie.graphfile import check_graph

MAX_MEMORY_BYTES = 640 << 20
"""What all graphs of a process may take between them. A press takes some KiB, an hour's performance some 100 MiB."""
PATIENCE_S = 3.0
"""Of the process's own time, since a busy machine makes no graph slow."""

_ENDS_IN_S = 1.0
Answer = TypeVar("Answer")


class TooLong(Exception):
    """A run took more than `PATIENCE_S`."""


def session(graph: bytes, where: str, loops: bool = False) -> ort.InferenceSession:
    """A session of a graph, on one thread. `loops`: see `check_graph`.

    Raises UserError, naming `where`, if it holds what it may not, or onnxruntime cannot run it.
    """
    check_graph(graph, where, loops)
    options = ort.SessionOptions()
    # One thread: the step is far too small to share, and a waking thread pool costs more than the step.
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    # Buffers of their own take 3 % off a step; those of an hour in a loop would fill the memory.
    options.enable_mem_reuse = loops
    options.log_severity_level = 4
    _bound_memory()
    options.add_session_config_entry("session.use_env_allocators", "1")
    try:
        # Folding constants would run parts of the graph here, for as long as they like; a step gains nothing by it.
        made = ort.InferenceSession(
            graph, options, providers=["CPUExecutionProvider"], disabled_optimizers=["ConstantFolding"]
        )
        # Texts that are no UTF-8 are found out by looking at them.
        ends = (*made.get_inputs(), *made.get_outputs())
        _ = made.get_modelmeta().custom_metadata_map, [(each.name, each.type, each.shape) for each in ends]
        return made
    except Exception as error:  # onnxruntime's errors share no base class
        raise UserError(f"{where}: not a graph that onnxruntime can run ({one_line(error)})") from error


def patiently(run: Callable[[ort.RunOptions], Answer]) -> Answer:
    """What `run` answers. Raises TooLong if it takes more than `PATIENCE_S`, and whatever it raises.

    `run` is called on a thread of its own, which is told to stop by its options; one that does not is left behind.
    """
    options, outcome = ort.RunOptions(), []

    def work() -> None:
        try:
            outcome.append((run(options), None))
        except Exception as error:
            outcome.append((None, error))

    began = time.process_time()
    thread = threading.Thread(target=work, name="first run", daemon=True)
    thread.start()
    thread.join(0.05)
    while thread.is_alive():
        if time.process_time() - began > PATIENCE_S:
            options.terminate = True
            thread.join(_ENDS_IN_S)
            raise TooLong
        thread.join(0.05)
    ((answer, error),) = outcome
    if error is not None:
        raise error
    return answer


def one_line(error: Exception) -> str:
    """The first line of what a library says, short."""
    return (str(error).splitlines() or [type(error).__name__])[0][:200]


@functools.cache
def _bound_memory() -> None:
    kind = ort.OrtMemoryInfo("Cpu", ort.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, ort.OrtMemType.DEFAULT)
    ort.create_and_register_allocator(kind, ort.OrtArenaCfg({"max_mem": MAX_MEMORY_BYTES}))
