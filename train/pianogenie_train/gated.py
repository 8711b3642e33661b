"""The genie's own network: what may come next, the button's part in it, and who is playing.

    expect   notes so far and the delta time -> what each key's chance is, were there no button
    shares   (shares.py)                     -> which button each key has for the encoder
    bank     (handbank.py) buttons so far    -> who is likely to be playing, and which button each key has for them
    listen   the button                      -> what each key's chance is now

The expectations are a language model of keys: residual blocks of a gated linear recurrence and a small MLP side by
side (blocks.py), the last one with a memory of what followed what (fastweights.py), that never hear a button. So the
encoder is no network of its own: it presses the buttons by which the expectations are shared out. A person does
otherwise; a bank of simple hands is followed to find out how, and the head goes by both: by how far a key is off the
button in the encoder's way and in the player's.

Inside, time comes first: [N, B, D].
"""

import math
from collections.abc import Iterator
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import nn

from pianogenie.keys import NUM_KEYS
from pianogenie_train import shares
from pianogenie_train.blocks import Block, DeltaTimes
from pianogenie_train.handbank import HandBank
from pianogenie_train.losses import VELOCITY_SPREAD
from pianogenie_train.operators import shrink, softplus
from pianogenie_train.recurrence import scan

MIDDLE_VELOCITY = 64.0
REACH = 12
"""Semitones: keys so far from the one before have a second share of their logits, which knows intervals, not keys."""
INTERVALS = 2 * REACH + 1
EVENNESS = 0.8
"""The power of a key's chance that is its weight where buttons are shared out. Under 1, so that a key that is all but
certain leaves some buttons to the others: 0.8 says the most, by 0.01 nats a note more than 1 or 0.6."""
LISTENED = 4
"""Of what the head says, how much it makes of keys that are off the button, over it and under it: by the shares, and by
the bank; in units of STEEPNESS."""
UNTOLD_S = 0.2
"""The delta time where none is told."""
FORGETS = (0.97, 0.8)
"""What is remembered, one note later, of how far off the shares have been: for long, and of late."""
FORGIVES = 2.0
"""Nats a button: how a miss of the shares is made into a sign that they are kept to, from 1 down to 0."""
STEEPNESS = 8.0
"""Nats a button. After the encoder's buttons a key just over the edge is out of the question, after a person's it is
not: the head must be able to say much and little."""


class Expected(NamedTuple):
    """What is known before a button is pressed."""

    context: torch.Tensor  # float [N, B, D]
    logits: torch.Tensor  # float [N, B, 88]
    leanings: torch.Tensor  # float [N, B, 88]: by how much the log of weights differs from EVENNESS times these
    spread: shares.Spread  # of all keys, [N, B, 88]


class GatedDecoder(nn.Module):
    """The instrument: what key a button means, given all that was played before.

    The head is shown how far the hand moved, in buttons, so that the contour need not go through a memory. What it
    says of intervals (the key before, REACH semitones up and down) holds wherever on the keyboard the hand is.
    """

    def __init__(
        self,
        dim: int,
        layers: int,
        num_buttons: int,
        with_delta_times: bool = True,
        dropout: float = 0.0,
        memories: int = 0,
    ):
        super().__init__()
        self.dim, self.num_buttons, self.dropout = dim, num_buttons, dropout
        self.key_rows = nn.Parameter(torch.randn(NUM_KEYS + 1, dim) / math.sqrt(2))  # the last: none yet
        self.delta_times = DeltaTimes(dim) if with_delta_times else None
        # A press waits for every weight of these to be fetched, so MLPs are narrow, and the last one is the head. What
        # is worth a place in the memory is known to the last block alone.
        self.blocks = nn.ModuleList(Block(dim, dim, dropout) for _ in range(layers - 1))
        self.blocks.append(Block(dim, 0, dropout, memories))
        self.head_dim = dim + dim // 8
        self.register_buffer("near", near_table(), persistent=False)
        self.register_buffer("ways", shares.ways_table(), persistent=False)
        self.into_known = nn.Linear(dim, self.head_dim)
        self.known = nn.Linear(self.head_dim, 2 * NUM_KEYS + INTERVALS)  # logits, leanings, intervals
        self.bank = HandBank(num_buttons)
        self.into_head = nn.Linear(dim, self.head_dim)
        self.players = nn.Linear(self.bank.num_kinds + 2 * len(FORGETS), self.head_dim, bias=False)
        # Neighbouring buttons start out alike, as points on a line and a gentle curve.
        self.gains = nn.Parameter(1 + 0.1 * torch.randn(num_buttons, self.head_dim))
        self.shifts = nn.Parameter(on_a_line(num_buttons, self.head_dim) / math.sqrt(2))
        self.moves = nn.Parameter(on_a_line(2 * num_buttons - 1, self.head_dim) / math.sqrt(2))
        self.move_gains = nn.Parameter(0.1 * torch.randn(2 * num_buttons - 1, self.head_dim))
        # A logit for each key, how loud it would be, intervals, and how much it counts to be off the button.
        self.output = nn.Linear(self.head_dim, 2 * NUM_KEYS + INTERVALS + LISTENED)
        with torch.no_grad():
            self.known.weight[NUM_KEYS : 2 * NUM_KEYS] *= 0.1
            self.output.weight[:NUM_KEYS] *= 0.3  # at first the expectations and the shares have the say
            self.output.bias[-LISTENED:] = torch.tensor([1.0, 1.0, -1.0, -1.0])
            self.players.weight *= 2.0  # most of what it reads is near 0

    def forward(
        self, prev_keys: torch.Tensor, delta_times: torch.Tensor, _values: object, buttons: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Whole windows at once, from a fresh state.

        prev_keys int64 [B, N] (88: none), delta_times float [B, N] in seconds, buttons int64 [B, N] -> logits float
        [B, N, 88], and the velocity expected of each key, float [B, N, 88], 1..127.
        """
        return self.listen(self.expect(prev_keys, delta_times), prev_keys, delta_times, buttons)

    def matrices(self) -> Iterator[tuple[nn.Parameter, int]]:
        """The weights float [rows, columns] of all products with what is inside, not tables, nor the bank's; and how
        many maps lie one above the other in each."""
        for block in self.blocks:
            yield block.into.weight, block.into.out_features // block.dim
            yield block.out.weight, 1
            if block.memory is not None:
                yield block.memory.into.weight, 1  # all that it reads as one map
        for layer in (self.into_known, self.known, self.into_head, self.output):
            yield layer.weight, 1

    def expect(self, prev_keys: torch.Tensor, delta_times: torch.Tensor) -> Expected:
        """prev_keys int64 [B, N], delta_times float [B, N] in seconds -> all that is known without buttons."""
        prev_keys = prev_keys.T
        x = F.embedding(prev_keys, self.key_rows)
        if self.delta_times is not None:
            x = x + self.delta_times(delta_times.T)
        for block in self.blocks:
            x = block(x)
        context = F.layer_norm(x, (self.dim,))
        hidden = F.dropout(torch.relu(self.into_known(context)), self.dropout, self.training)
        logits, leanings, intervals = self.known(hidden).split([NUM_KEYS, NUM_KEYS, INTERVALS], dim=-1)
        logits = beside_the_last(logits, intervals, F.embedding(prev_keys, self.near))
        # The weights learn from tunes alone, by the leanings; chances are for the notes to teach.
        weights = torch.softmax(EVENNESS * logits.detach() + leanings, dim=-1)
        return Expected(context, logits, leanings, shares.spread(weights, prev_keys, self.ways))

    def encode(self, expected: Expected, keys: torch.Tensor) -> torch.Tensor:
        """The buttons int64 [B, N] that the notes `keys` int64 [B, N] have by the expectations.

        Of the first note nothing is expected, but the encoder knows what will come: it begins as far up the row as that
        note is among all of them, so that there are buttons left where they will be wanted.
        """
        keys = keys.T
        own = expected.spread.of(keys)
        lowest, highest = keys.amin(0, keepdim=True), keys.amax(0, keepdim=True)
        first = (keys[:1] - lowest + 0.5) / (highest - lowest + 1)
        return shares.code(own._replace(up=torch.cat([first, own.up[1:]])), self.num_buttons).T

    def places(self, expected: Expected, keys: torch.Tensor, buttons: torch.Tensor) -> torch.Tensor:
        """Where each of `keys` int64 [B, N] lies, seen from the one before of `buttons` int64 [B, N]: float [B, N], in
        buttons."""
        return expected.spread.of(keys.T).places(self._hand(buttons), self.num_buttons).T

    def listen(
        self, expected: Expected, prev_keys: torch.Tensor, delta_times: torch.Tensor, buttons: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """prev_keys and buttons int64 [B, N], delta_times float [B, N] in seconds -> logits and velocities, float
        [B, N, 88]."""
        context, known, _, spread = expected
        by_shares = spread.places(self._hand(buttons)[..., None], self.num_buttons).detach()
        prev_keys, buttons = prev_keys.T, buttons.T
        off_shares = shrink(by_shares - buttons[..., None])
        guess = self.bank(prev_keys, self.heard(delta_times).T, buttons)
        off_bank = shrink(guess.places + (self.bank.middle - buttons[..., None]))

        kept = torch.exp(-FORGIVES * self._missed(off_shares, prev_keys))
        context = self.into_head(context) + self.players(torch.cat([guess.kinds, kept], dim=-1))
        moves = F.pad(buttons.diff(dim=0), (0, 0, 1, 0)) + (self.num_buttons - 1)
        gain = F.embedding(buttons, self.gains) + F.embedding(moves, self.move_gains)
        shift = F.embedding(buttons, self.shifts) + F.embedding(moves, self.moves)
        hidden = F.dropout(torch.relu(torch.addcmul(shift, context, gain)), self.dropout, self.training)
        logits, loudness, intervals, listened = self.output(hidden).split(
            [NUM_KEYS, NUM_KEYS, INTERVALS, LISTENED], dim=-1
        )
        over, under, over_bank, under_bank = (STEEPNESS * softplus(listened)).split(1, dim=-1)
        logits = logits + known - against(off_shares, over, -under) - against(off_bank, over_bank, -under_bank)
        logits = beside_the_last(logits, intervals, F.embedding(prev_keys, self.near))
        velocities = (MIDDLE_VELOCITY + VELOCITY_SPREAD * loudness).clamp(1, 127)
        return logits.transpose(0, 1), velocities.transpose(0, 1)

    def heard(self, delta_times: torch.Tensor) -> torch.Tensor:
        """What the bank hears of delta times: one that is neither a chord nor a pause, if the network is told none."""
        return delta_times if self.delta_times is not None else torch.full_like(delta_times, UNTOLD_S)

    @staticmethod
    def _missed(off: torch.Tensor, prev_keys: torch.Tensor) -> torch.Tensor:
        """How far the notes so far have been `off` float [N, B, 88] their buttons, over and under them, for each of
        FORGETS: float [N, B, 4]."""
        off = F.pad(off[:-1].gather(-1, prev_keys[1:, :, None]), (0, 0, 0, 0, 1, 0))
        missed = over_and_under(off)
        forgets = torch.tensor(FORGETS, device=off.device).repeat_interleave(2)
        return scan(forgets.expand_as(missed).contiguous(), missed)

    @staticmethod
    def _hand(buttons: torch.Tensor) -> torch.Tensor:
        """Where the hand is when each of `buttons` int64 [B, N] is pressed: float [N, B]."""
        return F.pad(buttons.T[:-1].to(torch.float32), (0, 0, 1, 0), value=shares.NOWHERE)


def over_and_under(off: torch.Tensor) -> torch.Tensor:
    """off float [..., 1] -> how far over and how far under, for each of FORGETS, float [..., 4]."""
    return torch.relu(torch.cat([off, -off] * len(FORGETS), dim=-1))


def against(off: torch.Tensor, over: torch.Tensor, under: torch.Tensor) -> torch.Tensor:
    """What speaks against keys that are `off` float [..., 88] the button: `over` (0 or more) times that where they are
    over it, `under` (0 or less) where they are under it, float [..., 1] each."""
    return torch.maximum(off * over, off * under)


def beside_the_last(logits: torch.Tensor, intervals: torch.Tensor, near: torch.Tensor) -> torch.Tensor:
    """logits float [..., 88] plus `intervals` float [..., 2 REACH + 1] laid around the key before, by its row of
    `near_table` int64 [..., 88]."""
    return logits + F.pad(intervals, (0, 1)).gather(-1, near)


def near_table() -> torch.Tensor:
    """After each key, and none, which interval leads to each key: int64 [89, 88], 0 for REACH down, INTERVALS for those
    out of reach."""
    distance = torch.arange(NUM_KEYS) - torch.arange(NUM_KEYS + 1)[:, None]
    return torch.where(distance.abs() <= REACH, distance + REACH, INTERVALS)


def on_a_line(points: int, dim: int) -> torch.Tensor:
    """Rows float [points, dim] that begin as points on a line and a gentle curve."""
    place = torch.linspace(-1, 1, points)[:, None]
    return place * torch.randn(dim) + 0.5 * place.square() * torch.randn(dim)
