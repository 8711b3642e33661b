"""A gated linear recurrence: h[t] = a[t] * h[t-1] + v[t], each channel on its own.

There is no matrix between one step's state and the next's, so all products of a window are worked out at
once and only this remains to be done in order (Martin and Cundy 2018, "Parallelizing Linear Recurrent Neural
Nets Over Sequence Length"). On a CPU the steps are taken one after the other: they are a small share of the
work. On a GPU, where each step would be a launch of its own, spans of doubling length are joined instead.
"""

import math

import torch

EXPORTED_AS = "pianogenie::Recurrence"
"""What an exported graph calls a scan until graphs.py has replaced it."""


def scan(a: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    """The states h float [N, B, D] for decays `a` and inputs `v`, both float [N, B, D], from a zero state."""
    if torch.compiler.is_exporting():  # a loop of unknown length; graphs.py spells it out in ONNX's own operators
        return torch.onnx.ops.symbolic(EXPORTED_AS, (a, v), dtype=v.dtype, shape=v.shape, version=1)
    return _Scan.apply(a, v)


class _Scan(torch.autograd.Function):
    """The gradient is the same recurrence, run the other way."""

    @staticmethod
    def forward(ctx, a: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
        h = run(a, v)
        ctx.save_for_backward(a, h)
        return h

    @staticmethod
    def backward(ctx, gradient: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        a, h = ctx.saved_tensors
        # What reaches h[t]: its own gradient, and of what reaches the state after it, that one's decay.
        reaching = run(_moved(a, back=True), gradient, back=True)
        return reaching * _moved(h), reaching


def long_and_short(count: int, shortest: float, longest: float) -> torch.Tensor:
    """What decays are before their sigmoid, float [count], for memories from `shortest` to `longest` notes, evenly in
    their logarithm: exp(-1 / memory)."""
    decay = torch.exp(-1 / torch.exp(torch.linspace(math.log(shortest), math.log(longest), count)))
    return torch.log(decay / (1 - decay))


def run(a: torch.Tensor, v: torch.Tensor, back: bool = False) -> torch.Tensor:
    """`scan` without a gradient, in whichever order suits the device; `back` runs it from the end:
    h[t] = a[t] * h[t+1] + v[t]."""
    if not a.is_cuda:
        return step_by_step(a, v, back)
    return by_doubling(a.flip(0), v.flip(0)).flip(0) if back else by_doubling(a, v)


def step_by_step(a: torch.Tensor, v: torch.Tensor, back: bool = False) -> torch.Tensor:
    """N small steps."""
    h = v.clone(memory_format=torch.contiguous_format)
    onward = -1 if back else 1
    for t in range(len(h))[::onward][1:]:
        h[t].addcmul_(a[t], h[t - onward])
    return h


def by_doubling(a: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    """log2 N large steps (Hillis and Steele 1986): after step k each place has taken in 2^k before it."""
    span = 1
    while span < len(v):
        v = torch.cat([v[:span], torch.addcmul(v[span:], a[span:], v[:-span])])
        a = torch.cat([a[:span], a[span:] * a[:-span]])
        span *= 2
    return v


def _moved(x: torch.Tensor, back: bool = False) -> torch.Tensor:
    """What stood one place before (after, if `back`); zeros at the end that has none."""
    moved = torch.zeros_like(x)
    if back:
        moved[:-1] = x[1:]
    else:
        moved[1:] = x[:-1]
    return moved
