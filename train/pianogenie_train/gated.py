"""The genie's own network: residual blocks of a gated linear recurrence and a small MLP side by side.

Both halves read a note as the sum of rows of tables: its key, the button, and the delta time as bumps spaced
evenly in its logarithm. A block is two products with everything else between them, since at the size that a
press can afford (pianogenie bench) a node of the graph costs more than its arithmetic.

Inside, time comes first: [N, B, D].
"""

import math

import torch
import torch.nn.functional as F
from torch import nn

from pianogenie.keys import NUM_KEYS
from pianogenie_train.losses import VELOCITY_SPREAD
from pianogenie_train.recurrence import scan

MIDDLE_VELOCITY = 64.0
BUMPS = 16
_FASTEST_S, _SLOWEST_S = 0.004, 8.0
_LONGEST_MEMORY = 256.0
"""Notes: the slowest channels forget a third of what they know in so many, at the start of training."""


class DeltaTimes(nn.Module):
    """Delta times in seconds -> BUMPS bell curves of their logarithm, times a matrix."""

    def __init__(self, dim: int):
        super().__init__()
        centres = torch.linspace(math.log(_FASTEST_S), math.log(_SLOWEST_S), BUMPS)
        self.register_buffer("centres", centres, persistent=False)
        self.sharpness = 1 / float(centres[1] - centres[0])
        self.rows = nn.Parameter(torch.randn(BUMPS, dim) / math.sqrt(2))

    def bumps(self, delta_times: torch.Tensor) -> torch.Tensor:
        """float [...] in seconds -> float [..., BUMPS] in 0..1; what is off the scale counts as its end."""
        logarithm = delta_times.clamp(_FASTEST_S, _SLOWEST_S).log()
        place = logarithm[..., None] - self.centres
        return torch.exp(place * place * -(self.sharpness**2))

    def forward(self, delta_times: torch.Tensor) -> torch.Tensor:
        """float [...] in seconds -> float [..., dim]."""
        return self.bumps(delta_times) @ self.rows


class Block(nn.Module):
    """x + out(gate * recurrence, relu(MLP)), of the normalised x.

    `hidden` is the MLP's width. A `both_ways` block gives half of its channels to a recurrence from the end.
    """

    def __init__(self, dim: int, hidden: int, both_ways: bool = False):
        super().__init__()
        self.dim, self.hidden, self.both_ways = dim, hidden, both_ways
        self.into = nn.Linear(dim, 3 * dim + self.hidden)
        self.out = nn.Linear(dim + self.hidden, dim, bias=False)
        with torch.no_grad():
            self.out.weight *= 0.5
            # Memories from one note to _LONGEST_MEMORY, evenly in their logarithm: sigmoid(bias) = exp(-1 / memory).
            memory = torch.exp(torch.linspace(0, math.log(_LONGEST_MEMORY), dim // (1 + both_ways)))
            decay = torch.exp(-1 / memory).repeat(1 + both_ways)
            self.into.bias[:dim] = torch.log(decay / (1 - decay))
            self.into.bias[dim : 2 * dim] = 0

    def read(
        self, x: torch.Tensor, ones: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        """x [..., D] -> decay, gate, candidate [..., D] and the MLP's hidden layer [..., hidden].

        The norm has no scale of its own, since a product follows; an export passes `ones` for it.
        """
        read = F.linear(F.layer_norm(x, (self.dim,), ones), self.into.weight, self.into.bias)
        gates, candidate, hidden = read.split([2 * self.dim, self.dim, self.hidden], dim=-1)
        decay, gate = torch.sigmoid(gates).split(self.dim, dim=-1)
        return decay, gate, candidate, torch.relu(hidden)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """x float [N, B, D] -> float [N, B, D]."""
        decay, gate, candidate, hidden = self.read(x)
        taken = candidate - decay * candidate
        if self.both_ways:
            half = self.dim // 2
            ahead = scan(decay[..., :half], taken[..., :half])
            back = scan(decay[..., half:].flip(0), taken[..., half:].flip(0)).flip(0)
            state = torch.cat([ahead, back], dim=-1)
        else:
            state = scan(decay, taken)
        return x + self.out(torch.cat([gate * state, hidden], dim=-1))


class GatedEncoder(nn.Module):
    """Performances -> where each note lies between the lowest button (-1) and the highest (1)."""

    def __init__(self, dim: int, layers: int, with_delta_times: bool = True):
        super().__init__()
        self.key_rows = nn.Parameter(torch.randn(NUM_KEYS, dim) / math.sqrt(2))
        self.delta_times = DeltaTimes(dim) if with_delta_times else None
        self.blocks = nn.ModuleList(Block(dim, 2 * dim, both_ways=True) for _ in range(layers))
        self.output = nn.Linear(dim, 1)
        self.dim = dim

    def forward(self, keys: torch.Tensor, delta_times: torch.Tensor) -> torch.Tensor:
        """keys int64 [B, N], delta_times float [B, N] in seconds -> e float [B, N]."""
        x = F.embedding(keys.T, self.key_rows)
        if self.delta_times is not None:
            x = x + self.delta_times(delta_times.T)
        for block in self.blocks:
            x = block(x)
        return self.output(F.layer_norm(x, (self.dim,)))[..., 0].T


class GatedDecoder(nn.Module):
    """The instrument: what key a button means, given all that was played before.

    It is shown the button before this one too, so that the contour need not go through its memory.
    """

    def __init__(self, dim: int, layers: int, num_buttons: int, with_delta_times: bool = True):
        super().__init__()
        self.dim, self.num_buttons = dim, num_buttons
        self.key_rows = nn.Parameter(torch.randn(NUM_KEYS + 1, dim) / math.sqrt(2))  # the last: none yet
        # Neighbouring buttons start out alike, as points on a line and a gentle curve.
        self.button_rows = nn.Parameter(_on_a_line(num_buttons, dim))
        self.button_before_rows = nn.Parameter(_on_a_line(num_buttons, dim))
        self.delta_times = DeltaTimes(dim) if with_delta_times else None
        # A press waits for every weight of these to be fetched, so the MLP is narrow; the encoder's need not be.
        self.blocks = nn.ModuleList(Block(dim, dim) for _ in range(layers))
        self.output = nn.Linear(dim, 2 * NUM_KEYS)  # a logit for each key, and how loud it would be

    def features(self, prev_keys: torch.Tensor, delta_times: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
        """What the first block reads: all [B, N] -> float [N, B, D]. `values`: buttons at -1..1, with gradients."""
        now = button_features(values.T, self.button_rows)
        before = button_features(values[:, :-1].T, self.button_before_rows)
        x = F.embedding(prev_keys.T, self.key_rows) + now + F.pad(before, (0, 0, 0, 0, 1, 0))
        return x if self.delta_times is None else x + self.delta_times(delta_times.T)

    def forward(
        self, prev_keys: torch.Tensor, delta_times: torch.Tensor, values: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Whole windows at once, from a fresh state.

        prev_keys int64 [B, N] (88: none), delta_times float [B, N] in seconds, values float [B, N] (buttons,
        -1..1) -> logits float [B, N, 88], and the velocity expected of each key, float [B, N, 88], 1..127.
        """
        x = self.features(prev_keys, delta_times, values)
        for block in self.blocks:
            x = block(x)
        outputs = self.output(F.layer_norm(x, (self.dim,))).transpose(0, 1)
        logits, loudness = outputs.split(NUM_KEYS, dim=-1)
        return logits, (MIDDLE_VELOCITY + VELOCITY_SPREAD * loudness).clamp(1, 127)


def button_features(values: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    """Rows float [K, D] of the buttons at `values` float [...] (-1..1) -> float [..., D].

    Forward it is a look-up; the gradient for `values` is the slope between the neighbouring buttons' rows.
    """
    last = len(rows) - 1
    place = (values + 1) / 2 * last
    button = place.detach().round().clamp(0, last).to(torch.int64)
    picked = F.embedding(button, rows)
    if not values.requires_grad:
        return picked
    slope = rows[(button + 1).clamp(max=last)] - rows[(button - 1).clamp(min=0)]
    width = ((button + 1).clamp(max=last) - (button - 1).clamp(min=0)).to(values.dtype)
    return picked + (place - place.detach())[..., None] * (slope / width[..., None]).detach()


def _on_a_line(num_buttons: int, dim: int) -> torch.Tensor:
    place = torch.linspace(-1, 1, num_buttons)[:, None]
    return place * torch.randn(dim) + 0.5 * place.square() * torch.randn(dim)
