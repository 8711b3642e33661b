"""The genie's own network: residual blocks of a gated linear recurrence and a small MLP side by side (blocks.py).

Both halves read a note as the sum of rows of tables: its key, the button before, and the delta time as bumps spaced
evenly in its logarithm. The decoder's memory goes by all that was played and by when this press comes; which button
it is enters last, in the head. So what every button would have meant can be worked out at little cost, which is what
the encoder learns from (losses.choice).

Inside, time comes first: [N, B, D].
"""

import math

import torch
import torch.nn.functional as F
from torch import nn

from pianogenie.keys import NUM_KEYS
from pianogenie_train.blocks import Block, DeltaTimes
from pianogenie_train.losses import VELOCITY_SPREAD

MIDDLE_VELOCITY = 64.0
REACH = 12
"""Semitones: keys so far from the one before have a second share of their logits, which knows intervals, not keys."""


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

    The head is shown how far the hand moved, in buttons, so that the contour need not go through the memory. What it
    says of intervals (the key before, REACH semitones up and down) holds wherever on the keyboard the hand is.
    """

    def __init__(self, dim: int, layers: int, num_buttons: int, with_delta_times: bool = True):
        super().__init__()
        self.dim, self.num_buttons = dim, num_buttons
        self.key_rows = nn.Parameter(torch.randn(NUM_KEYS + 1, dim) / math.sqrt(2))  # the last: none yet
        # Neighbouring buttons start out alike, as points on a line and a gentle curve.
        self.before_rows = nn.Parameter(_on_a_line(num_buttons, dim))  # the button before
        self.delta_times = DeltaTimes(dim) if with_delta_times else None
        # A press waits for every weight of these to be fetched, so MLPs are narrow, and the last one is the head;
        # the encoder's need not be.
        self.blocks = nn.ModuleList(Block(dim, dim if layer < layers - 1 else 0) for layer in range(layers))
        self.head_dim = dim + dim // 8
        self.into_head = nn.Linear(dim, self.head_dim)
        self.gains = nn.Parameter(1 + 0.1 * torch.randn(num_buttons, self.head_dim))
        self.shifts = nn.Parameter(_on_a_line(num_buttons, self.head_dim) / math.sqrt(2))
        self.moves = nn.Parameter(_on_a_line(2 * num_buttons - 1, self.head_dim) / math.sqrt(2))
        self.move_gains = nn.Parameter(0.1 * torch.randn(2 * num_buttons - 1, self.head_dim))
        self.intervals = nn.Linear(self.head_dim, 2 * REACH + 1, bias=False)
        self.output = nn.Linear(self.head_dim, 2 * NUM_KEYS)  # a logit for each key, and how loud it would be

    def forward(
        self, prev_keys: torch.Tensor, delta_times: torch.Tensor, values: torch.Tensor, buttons: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Whole windows at once, from a fresh state.

        prev_keys int64 [B, N] (88: none), delta_times float [B, N] in seconds, buttons int64 [B, N] and the same as
        values float [B, N] (-1..1) -> logits float [B, N, 88], and the velocity expected of each key, float
        [B, N, 88], 1..127.
        """
        return self.head(self.context(prev_keys, delta_times, values), prev_keys, buttons)

    def context(self, prev_keys: torch.Tensor, delta_times: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
        """All that is known before a button is looked at: float [N, B, D]. `values` may have gradients."""
        before = button_features(values[:, :-1].T, self.before_rows)
        x = F.embedding(prev_keys.T, self.key_rows) + F.pad(before, (0, 0, 0, 0, 1, 0))
        if self.delta_times is not None:
            x = x + self.delta_times(delta_times.T)
        for block in self.blocks:
            x = block(x)
        return F.layer_norm(x, (self.dim,))

    def head(
        self, context: torch.Tensor, prev_keys: torch.Tensor, buttons: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """context float [N, B, D], prev_keys and buttons int64 [B, N] -> logits and velocities, float [B, N, 88]."""
        moves = self._moved(buttons)
        gain = F.embedding(buttons.T, self.gains) + F.embedding(moves, self.move_gains)
        shift = F.embedding(buttons.T, self.shifts) + F.embedding(moves, self.moves)
        hidden = torch.relu(torch.addcmul(shift, self.into_head(context), gain))
        logits, loudness = self.output(hidden).split(NUM_KEYS, dim=-1)
        logits = beside_the_last(logits, self.intervals(hidden), prev_keys.T)
        velocities = (MIDDLE_VELOCITY + VELOCITY_SPREAD * loudness).clamp(1, 127)
        return logits.transpose(0, 1), velocities.transpose(0, 1)

    @torch.no_grad()
    def nats_of_each(
        self, context: torch.Tensor, prev_keys: torch.Tensor, buttons: torch.Tensor, keys: torch.Tensor
    ) -> torch.Tensor:
        """What the true `keys` int64 [B, N] would cost with each button in the place of the one that was pressed,
        all before being as it was: float [B, N, K]. No gradient."""
        every = torch.arange(self.num_buttons, device=buttons.device)
        # From the button before, which is where the hand would have moved from.
        moves = self._moved(buttons)[..., None] + every - buttons.T[..., None]
        moves[0] = self.num_buttons - 1
        gain, shift = self.gains + F.embedding(moves, self.move_gains), self.shifts + F.embedding(moves, self.moves)
        hidden = torch.relu_(torch.addcmul(shift, self.into_head(context)[:, :, None], gain))
        logits = F.linear(hidden, self.output.weight[:NUM_KEYS], self.output.bias[:NUM_KEYS])
        prev_keys = prev_keys.T[..., None].expand(logits.shape[:-1])
        logits = beside_the_last(logits, self.intervals(hidden), prev_keys)
        true = keys.T[:, :, None, None].expand(-1, -1, self.num_buttons, 1)
        return (torch.logsumexp(logits, -1) - logits.gather(-1, true)[..., 0]).transpose(0, 1)

    def _moved(self, buttons: torch.Tensor) -> torch.Tensor:
        """Buttons int64 [B, N] -> the row of `moves` for each, int64 [N, B]; the first has not moved."""
        return F.pad(buttons.diff(dim=1), (1, 0)).T + (self.num_buttons - 1)


def beside_the_last(logits: torch.Tensor, intervals: torch.Tensor, prev_keys: torch.Tensor) -> torch.Tensor:
    """logits float [..., 88] plus `intervals` float [..., 2 REACH + 1] laid around prev_keys int64 [...].

    What reaches over the keyboard's ends is left out; before anything was played (88) they lie at its upper end.
    """
    where = prev_keys[..., None] + torch.arange(2 * REACH + 1, device=logits.device)
    room = F.pad(logits, (REACH, REACH + 1))
    return room.scatter_add(-1, where, intervals)[..., REACH : REACH + NUM_KEYS]


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
    above, below = (button + 1).clamp(max=last), (button - 1).clamp(min=0)
    slope = (F.embedding(above, rows) - F.embedding(below, rows)) / (above - below)[..., None]
    return picked + (place - place.detach())[..., None] * slope.detach()


def _on_a_line(num_buttons: int, dim: int) -> torch.Tensor:
    place = torch.linspace(-1, 1, num_buttons)[:, None]
    return place * torch.randn(dim) + 0.5 * place.square() * torch.randn(dim)
