"""What the genie's network is built of: delta times as ramps, and a block.

A block is two products with everything else between them (the last one's memory has a third), since at the size that a
press can afford (pianogenie bench) a node of the graph costs more than its arithmetic. Inside, time comes first:
[N, B, D].
"""

import math

import torch
import torch.nn.functional as F
from torch import nn

from pianogenie_train.fastweights import FastWeights
from pianogenie_train.operators import ramp
from pianogenie_train.recurrence import long_and_short, scan

RAMPS = 16
_FASTEST_S, _SLOWEST_S = 0.004, 8.0
_SHORTEST, _LONGEST = 1.0, 256.0
"""Notes: how long the first channel remembers and the last one, at the start of training."""


class DeltaTimes(nn.Module):
    """Delta times in seconds -> RAMPS of their logarithm, one after the other, times a matrix: a line with bends."""

    def __init__(self, dim: int):
        super().__init__()
        middles = torch.linspace(math.log(_FASTEST_S), math.log(_SLOWEST_S), RAMPS)
        self.register_buffer("middles", middles, persistent=False)
        self.steepness = (RAMPS - 1) / math.log(_SLOWEST_S / _FASTEST_S)
        self.rows = nn.Parameter(torch.randn(RAMPS, dim) / math.sqrt(RAMPS))

    def ramps(self, delta_times: torch.Tensor) -> torch.Tensor:
        """float [..., 1] in seconds -> float [..., RAMPS] in 0..1; what is off the scale counts as its end, and
        time that runs backwards as none (a logarithm of it would be no number, and stay in the state for good)."""
        return ramp(torch.log(torch.relu(delta_times)) - self.middles, self.steepness)

    def forward(self, delta_times: torch.Tensor) -> torch.Tensor:
        """float [...] in seconds -> float [..., dim]."""
        return self.ramps(delta_times[..., None]) @ self.rows


class Block(nn.Module):
    """x + out(gate * recurrence, relu(MLP), what comes to mind), of the normalised x.

    `hidden` is the MLP's width, `memories` how many heads of fast weights (fastweights.py) it has, 0 for none;
    `dropout` the share of what the last product reads that is left out while learning.
    """

    def __init__(self, dim: int, hidden: int, dropout: float = 0.0, memories: int = 0):
        super().__init__()
        self.dim, self.hidden, self.dropout = dim, hidden, dropout
        self.memory = FastWeights(dim, memories) if memories else None
        self.kept = [dim, *(self.memory.kept if memories else [])]  # numbers, from note to note
        self.into = nn.Linear(dim, 3 * dim + self.hidden)
        self.out = nn.Linear(dim + self.hidden + (self.memory.width if memories else 0), dim, bias=False)
        with torch.no_grad():
            self.out.weight *= 0.5
            self.into.bias[: 2 * dim] = torch.cat([long_and_short(dim, _SHORTEST, _LONGEST), torch.zeros(dim)])

    def read(self, normed: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, list[torch.Tensor]]:
        """normed [..., D] -> decay, gate, candidate [..., D] and a list of the MLP's hidden layer [..., hidden],
        empty if there is none."""
        read = self.into(normed)
        sizes = [2 * self.dim, self.dim, self.hidden] if self.hidden else [2 * self.dim, self.dim]
        gates, candidate, *hidden = read.split(sizes, dim=-1)
        decay, gate = torch.sigmoid(gates).split(self.dim, dim=-1)
        return decay, gate, candidate, [torch.relu(part) for part in hidden]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """x float [N, B, D] -> float [N, B, D]."""
        normed = F.layer_norm(x, (self.dim,))  # without a scale of its own, since products follow
        decay, gate, candidate, hidden = self.read(normed)
        state = scan(decay, candidate - decay * candidate)
        recalled = [] if self.memory is None else [self.memory(normed)]
        parts = torch.cat([gate * state, *hidden, *recalled], dim=-1)
        return x + self.out(F.dropout(parts, self.dropout, self.training))
