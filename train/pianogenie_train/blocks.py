"""What the genie's network is built of: delta times as ramps, and a block.

A block is two products with everything else between them, since at the size that a press can afford (pianogenie
bench) a node of the graph costs more than its arithmetic. Inside, time comes first: [N, B, D].
"""

import math

import torch
import torch.nn.functional as F
from torch import nn

from pianogenie_train.operators import ramp
from pianogenie_train.recurrence import scan

RAMPS = 16
_FASTEST_S, _SLOWEST_S = 0.004, 8.0
_LONGEST_MEMORY = 256.0
"""Notes: the slowest channels forget a third of what they know in so many, at the start of training."""


def long_and_short(dim: int) -> torch.Tensor:
    """What decays are before their sigmoid, float [dim], for memories from one note to _LONGEST_MEMORY, evenly in their
    logarithm: exp(-1 / memory)."""
    decay = torch.exp(-1 / torch.exp(torch.linspace(0, math.log(_LONGEST_MEMORY), dim)))
    return torch.log(decay / (1 - decay))


class DeltaTimes(nn.Module):
    """Delta times in seconds -> RAMPS of their logarithm, one after the other, times a matrix: a line with bends."""

    def __init__(self, dim: int):
        super().__init__()
        middles = torch.linspace(math.log(_FASTEST_S), math.log(_SLOWEST_S), RAMPS)
        self.register_buffer("middles", middles, persistent=False)
        self.steepness = (RAMPS - 1) / math.log(_SLOWEST_S / _FASTEST_S)
        self.rows = nn.Parameter(torch.randn(RAMPS, dim) / math.sqrt(RAMPS))

    def ramps(self, delta_times: torch.Tensor) -> torch.Tensor:
        """float [..., 1] in seconds -> float [..., RAMPS] in 0..1; what is off the scale counts as its end."""
        return ramp(torch.log(delta_times) - self.middles, self.steepness)

    def forward(self, delta_times: torch.Tensor) -> torch.Tensor:
        """float [...] in seconds -> float [..., dim]."""
        return self.ramps(delta_times[..., None]) @ self.rows


class Block(nn.Module):
    """x + out(gate * recurrence, relu(MLP)), of the normalised x.

    `hidden` is the MLP's width, 0 for none; `dropout` the share of what the last product reads that is left out while
    learning.
    """

    def __init__(self, dim: int, hidden: int, dropout: float = 0.0):
        super().__init__()
        self.dim, self.hidden, self.dropout = dim, hidden, dropout
        self.into = nn.Linear(dim, 3 * dim + self.hidden)
        self.out = nn.Linear(dim + self.hidden, dim, bias=False)
        with torch.no_grad():
            self.out.weight *= 0.5
            self.into.bias[: 2 * dim] = torch.cat([long_and_short(dim), torch.zeros(dim)])

    def read(
        self, x: torch.Tensor, ones: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor | None]:
        """x [..., D] -> decay, gate, candidate [..., D] and the MLP's hidden layer [..., hidden], None without one.

        The norm has no scale of its own, since a product follows; an export passes `ones` for it.
        """
        read = F.linear(F.layer_norm(x, (self.dim,), ones), self.into.weight, self.into.bias)
        sizes = [2 * self.dim, self.dim, self.hidden] if self.hidden else [2 * self.dim, self.dim]
        gates, candidate, *hidden = read.split(sizes, dim=-1)
        decay, gate = torch.sigmoid(gates).split(self.dim, dim=-1)
        return decay, gate, candidate, torch.relu(hidden[0]) if hidden else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """x float [N, B, D] -> float [N, B, D]."""
        decay, gate, candidate, hidden = self.read(x)
        state = scan(decay, candidate - decay * candidate)
        return x + self.out(F.dropout(beside(gate * state, hidden), self.dropout, self.training))


def beside(state: torch.Tensor, hidden: torch.Tensor | None) -> torch.Tensor:
    """What a block's second product reads."""
    return state if hidden is None else torch.cat([state, hidden], dim=-1)
