"""One press of each decoder, as a module of few and large operations: what is exported, and played from torch.

All that does not depend on the state is worked out here, once. That, and not the size of a network, is what makes
a step quick: at this size a node of a graph costs more than its arithmetic.
"""

import torch
import torch.nn.functional as F
from torch import nn

from pianogenie.keys import NUM_KEYS
from pianogenie_train import shares
from pianogenie_train.blocks import Block, beside
from pianogenie_train.gated import (
    EVENNESS,
    FARTHEST,
    INTERVALS,
    LISTENED,
    MIDDLE_VELOCITY,
    STEEPNESS,
    GatedDecoder,
)
from pianogenie_train.losses import VELOCITY_SPREAD
from pianogenie_train.model import Autoencoder, Decoder, delta_time_bins
from pianogenie_train.quantiser import IntegerQuantiser, VectorQuantiser


def one_step(model: Autoencoder) -> "LstmStep | GatedStep":
    """The step of a model's decoder, with weights of its own."""
    if isinstance(model.decoder, GatedDecoder):
        return GatedStep(model.decoder).eval()
    return LstmStep(model.decoder, model.quantiser).eval()


class LstmStep(nn.Module):
    """The paper's decoder; its state in a row is h and c of the first layer, h and c of the next, ...

    The first layer is linear up to its gates, so a step looks up three rows, one for each input's share of the
    gates, and has one product a layer.
    """

    outputs = ("logits", "next_state")

    def __init__(self, decoder: Decoder, quantiser: IntegerQuantiser | VectorQuantiser | None):
        super().__init__()
        self.hears_times, self.hears_buttons = decoder.time_table is not None, quantiser is not None
        lstm, self.dim, self.layers = decoder.lstm, decoder.lstm.hidden_size, decoder.lstm.num_layers
        self.state_size = 2 * self.dim * self.layers
        with torch.no_grad():
            into = _gates_last(lstm.weight_ih_l0).T  # [dim, 4 dim]
            bias = _gates_last(lstm.bias_ih_l0 + lstm.bias_hh_l0)
            if self.hears_buttons:
                values = quantiser.values(torch.arange(quantiser.num_buttons)).reshape(quantiser.num_buttons, -1)
                bias = bias + decoder.button_weight.bias @ into
                self._keep("button_rows", values @ decoder.button_weight.weight.T @ into)
            if self.hears_times:
                self._keep("time_rows", decoder.time_table.weight @ into)
            self._keep("key_rows", decoder.key_table.weight @ into + bias)
            self._keep("product_0", _gates_last(lstm.weight_hh_l0).T)
            for layer in range(1, self.layers):
                below, own = (_gates_last(getattr(lstm, f"weight_{kind}_l{layer}")) for kind in ("ih", "hh"))
                self._keep(f"product_{layer}", torch.cat([below, own], dim=1).T)
                self._keep(
                    f"bias_{layer}",
                    _gates_last(getattr(lstm, f"bias_ih_l{layer}") + getattr(lstm, f"bias_hh_l{layer}")),
                )
            self._keep("output_product", decoder.output.weight.T)
            self._keep("output_bias", decoder.output.bias)

    def forward(
        self, prev_key: torch.Tensor, delta_time: torch.Tensor, button: torch.Tensor, state: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """prev_key, button int64 [B], delta_time float [B], state [B, S] -> logits [B, 88], next_state [B, S]."""
        parts = state.split(self.dim, dim=1)
        # F.embedding, not indexing: the exporter makes one Gather of it.
        rows = F.embedding(prev_key, self.key_rows)
        if self.hears_times:
            rows = rows + F.embedding(delta_time_bins(delta_time), self.time_rows)
        if self.hears_buttons:
            rows = rows + F.embedding(button, self.button_rows)
        following: list[torch.Tensor] = []
        below = rows
        for layer in range(self.layers):
            hidden, cell = parts[2 * layer], parts[2 * layer + 1]
            product = getattr(self, f"product_{layer}")
            if layer == 0:
                gates = torch.addmm(rows, hidden, product)
            else:
                gates = torch.addmm(getattr(self, f"bias_{layer}"), torch.cat([below, hidden], dim=1), product)
            opening, candidate = gates.split([3 * self.dim, self.dim], dim=1)
            read, forget, show = torch.sigmoid(opening).split(self.dim, dim=1)
            cell = forget * cell + read * torch.tanh(candidate)
            below = show * torch.tanh(cell)
            following += [below, cell]
        return torch.addmm(self.output_bias, below, self.output_product), torch.cat(following, dim=1)

    def _keep(self, name: str, tensor: torch.Tensor) -> None:
        self.register_buffer(name, tensor.detach().clone().contiguous())


class GatedStep(nn.Module):
    """Our decoder. Its state in a row is h of each block and of the follower; how far off the last button each key was;
    and K times that button, counted from 1 (0: none yet), so that with the next it is a row of a table of pairs."""

    outputs = ("logits", "next_state", "velocity")

    def __init__(self, decoder: GatedDecoder):
        super().__init__()
        self.decoder, self.dim = decoder, decoder.dim
        self.parts = [decoder.dim] * len(decoder.blocks) + [decoder.follower.dim, NUM_KEYS, 1]
        self.state_size = sum(self.parts)
        self.register_buffer("ones", torch.ones(decoder.dim))  # ONNX's layer norm wants a scale
        self.register_buffer("ways", shares.ways_table())
        # Products with these add weights up, as shares.spread does: up to the middle of each key, from below and from
        # above; of all keys below each; of each and all above it.
        below, half = torch.ones(NUM_KEYS, NUM_KEYS).triu(1), torch.eye(NUM_KEYS) / 2
        sums = torch.cat([below + half, below.T + half, below, 1 - below], dim=1)
        self.register_buffer("sums", F.pad(sums, (0, 1)))
        self.register_buffer("least", 2 * shares.LEAST * self.sums.sum(0))
        every = torch.arange(NUM_KEYS + 1)
        edges = [every % NUM_KEYS, NUM_KEYS + (every + 1) % (NUM_KEYS + 1)]
        self.register_buffer("key_of", every[:, None] % NUM_KEYS)
        self.register_buffer("edges_of", torch.stack(edges, dim=1))
        with torch.no_grad():
            buttons, follower = decoder.num_buttons, decoder.follower
            self.register_buffer("key_rows", follower.key_rows + follower.into.bias)
            self.register_buffer("before_rows", follower.before_rows.repeat_interleave(buttons, dim=0))
            self.register_buffer("pair_rows", self._pairs(decoder))
            self.register_buffer("as_before", buttons * torch.arange(1.0, buttons + 1)[:, None])
            # After the intervals of both heads comes what is said of keys out of reach, which is nothing.
            self._keep("known", decoder.known, torch.ones(1), torch.zeros(1), [2 * NUM_KEYS + INTERVALS, 0])
            loud, rest = torch.arange(len(decoder.output.bias)) // NUM_KEYS == 1, [2 * NUM_KEYS + INTERVALS, LISTENED]
            scale, middle = torch.where(loud, VELOCITY_SPREAD, 1.0), torch.where(loud, MIDDLE_VELOCITY, 0.0)
            self._keep("output", decoder.output, scale, middle, rest)

    def _keep(self, name: str, linear: nn.Linear, scale: torch.Tensor, more: torch.Tensor, parts: list[int]) -> None:
        """A layer's outputs times `scale` and plus `more`, with a nought between the `parts` of them."""
        weight = (linear.weight * scale[:, None]).split(parts)
        bias = (linear.bias * scale + more).split(parts)
        self.register_buffer(f"{name}_product", torch.cat([F.pad(weight[0], (0, 0, 0, 1)), weight[1]]).T.contiguous())
        self.register_buffer(f"{name}_bias", torch.cat([F.pad(bias[0], (0, 1)), bias[1]]))

    def forward(
        self, prev_key: torch.Tensor, delta_time: torch.Tensor, button: torch.Tensor, state: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """prev_key, button int64 [B], delta_time float [B], state [B, S] -> logits [B, 88], next_state [B, S],
        velocity [B, 88]."""
        decoder, following = self.decoder, []
        *states, followed, off_before, before = state.split(self.parts, dim=1)
        before = before[:, 0].to(torch.int64)
        x = F.embedding(prev_key, decoder.key_rows)
        if decoder.delta_times is not None:
            x = torch.addmm(x, decoder.delta_times.bumps(delta_time), decoder.delta_times.rows)
        for block, h in zip(decoder.blocks, states, strict=True):
            x, h = self._block(block, x, h)
            following.append(h)
        context = F.layer_norm(x, (self.dim,), self.ones)

        near = F.embedding(prev_key, decoder.near)
        known = torch.addmm(self.known_bias, torch.relu(decoder.into_known(context)), self.known_product)
        known, leanings, intervals = known.split([NUM_KEYS, NUM_KEYS, INTERVALS + 1], dim=1)
        known = known + intervals.gather(1, near)
        pair = F.embedding(before + button, self.pair_rows)
        gain, shift, moved, above, under = pair.split([decoder.head_dim, decoder.head_dim, 1, 1, 1], dim=1)
        weights = torch.softmax(EVENNESS * known + leanings, dim=1)
        off = shares.off(self._places(weights, prev_key, above, under), moved)

        memory, followed = self._follow(context, prev_key, before, off_before, followed)
        head = torch.addmm(decoder.into_head(context), memory, decoder.followed.weight.T)
        outputs = torch.addmm(self.output_bias, torch.relu(head * gain + shift), self.output_product)
        logits, velocities, intervals, listened = outputs.split([NUM_KEYS, NUM_KEYS, INTERVALS + 1, LISTENED], dim=1)
        over, under = (STEEPNESS * F.softplus(listened)).split(1, dim=1)
        logits = logits + known - over * off.over - under * off.under
        logits = logits + intervals.gather(1, near)
        following += [followed, off.by, F.embedding(button, self.as_before)]
        return logits, torch.cat(following, dim=1), velocities.clamp(1, 127)

    def _block(self, block: Block, x: torch.Tensor, h: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        decay, gate, candidate, hidden = block.read(x, self.ones)
        h = candidate + decay * (h - candidate)
        return torch.addmm(x, beside(gate * h, hidden), block.out.weight.T), h

    def _places(
        self, weights: torch.Tensor, prev_key: torch.Tensor, above: torch.Tensor, under: torch.Tensor
    ) -> torch.Tensor:
        """As shares.spread and its places, counted from where the hand is; `above` and `under` float [B, 1] are its
        room: float [B, 88]."""
        added_up = torch.addmm(self.least, weights, self.sums)
        to_middles, from_middles, edges = added_up.split([NUM_KEYS, NUM_KEYS, 2 * NUM_KEYS + 1], dim=1)
        below, onward = edges.gather(1, F.embedding(prev_key, self.edges_of)).clamp(min=shares.LEAST).split(1, dim=1)
        up, down = torch.relu(1 - from_middles / onward), torch.relu(1 - to_middles / below)
        return F.embedding(prev_key, self.ways) + up * above - down * under

    def _follow(
        self,
        context: torch.Tensor,
        prev_key: torch.Tensor,
        before: torch.Tensor,
        off_before: torch.Tensor,
        h: torch.Tensor,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The follower's outputs and next state, float [B, its dim] each."""
        follower = self.decoder.follower
        off = off_before.gather(1, F.embedding(prev_key, self.key_of)).clamp(-FARTHEST, FARTHEST)
        rows = F.embedding(prev_key, self.key_rows) + F.embedding(before, self.before_rows)
        rows = torch.addmm(rows, torch.cat([off, off.abs()], dim=1), follower.off_rows)
        read = torch.addmm(rows, context, follower.into.weight.T)
        gates, candidate = read.split([2 * follower.dim, follower.dim], dim=1)
        decay, gate = torch.sigmoid(gates).split(follower.dim, dim=1)
        h = candidate + decay * (h - candidate)
        return gate * h, h

    @staticmethod
    def _pairs(decoder: GatedDecoder) -> torch.Tensor:
        """What each button means after each button (or none): gain and shift for the head, the button it was (seen from
        the one that it is), and the room above and below that: [(K + 1) K, 2 H + 3]."""
        every = torch.arange(decoder.num_buttons)
        moves = torch.cat([torch.zeros_like(every)[None], every - every[:, None]]) + decoder.num_buttons - 1
        gains, shifts = decoder.gains + decoder.move_gains[moves], decoder.shifts + decoder.moves[moves]
        hand = torch.cat([torch.tensor([shares.NOWHERE]), every.to(torch.float32)])[:, None].expand(moves.shape)
        room = torch.stack([every - hand, *shares.room(hand, decoder.num_buttons)], dim=-1)
        return torch.cat([gains, shifts, room], dim=-1).flatten(0, 1).contiguous()


def _gates_last(weight: torch.Tensor) -> torch.Tensor:
    """torch's gates [4 dim, ...] in the order i, f, g, o -> i, f, o, g: three sigmoids side by side."""
    read, forget, candidate, show = weight.chunk(4)
    return torch.cat([read, forget, show, candidate])
