"""Operators that torch spells out in several nodes of a graph, and ONNX has as one.

A step costs as much as it has nodes (docs/training.md); so each is exported as what it is.
"""

from typing import Any

import torch
import torch.nn.functional as F


def shrink(x: torch.Tensor) -> torch.Tensor:
    """How far x float [...] is beyond ±0.5: with its sign, and 0 within. In buttons, how far a place is off one."""
    if torch.compiler.is_exporting():
        return _operator("Shrink", x, lambd=0.5, bias=0.5)
    return F.softshrink(x, 0.5)


def softplus(x: torch.Tensor) -> torch.Tensor:
    """log(1 + exp(x)) of float [...]."""
    return _operator("Softplus", x) if torch.compiler.is_exporting() else F.softplus(x)


def ramp(x: torch.Tensor, steepness: float) -> torch.Tensor:
    """From 0 to 1 as x float [...] goes through 0, with that slope."""
    if torch.compiler.is_exporting():
        return _operator("HardSigmoid", x, alpha=steepness, beta=0.5)
    return (steepness * x + 0.5).clamp(0, 1)


def _operator(name: str, x: torch.Tensor, **attributes: Any) -> torch.Tensor:
    return torch.onnx.ops.symbolic(name, (x,), attrs=attributes, dtype=x.dtype, shape=x.shape)
