"""One press of each decoder, as a module of few and large operations: what is exported, and played from torch.

All that does not depend on the state is worked out here, once. That, and not the size of a network, is what makes
a step quick: at this size a node of a graph costs more than its arithmetic.
"""

import torch
import torch.nn.functional as F
from torch import nn

from pianogenie.keys import NUM_KEYS
from pianogenie_train.blocks import Block, beside
from pianogenie_train.gated import MIDDLE_VELOCITY, REACH, GatedDecoder
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
    """Our decoder; its state in a row is h of each block, then K times the button before, counted from 1 (0: none
    yet), so that with the button it is a row of a table of pairs."""

    outputs = ("logits", "next_state", "velocity")

    def __init__(self, decoder: GatedDecoder):
        super().__init__()
        self.decoder, self.dim = decoder, decoder.dim
        self.state_size = decoder.dim * len(decoder.blocks) + 1
        self.register_buffer("ones", torch.ones(decoder.dim))  # ONNX's layer norm wants a scale
        self.register_buffer("interval_of", self._intervals())
        scale = torch.cat([torch.ones(NUM_KEYS), torch.full((NUM_KEYS,), VELOCITY_SPREAD)])
        middle = torch.cat([torch.zeros(NUM_KEYS), torch.full((NUM_KEYS,), MIDDLE_VELOCITY)])
        with torch.no_grad():
            nothing = torch.zeros(1, decoder.head_dim)  # what is said of keys out of REACH
            product = torch.cat([decoder.output.weight * scale[:, None], decoder.intervals.weight, nothing])
            self.register_buffer("output_product", product.T.contiguous())
            self.register_buffer("output_bias", F.pad(decoder.output.bias * scale + middle, (0, 2 * REACH + 2)))
            none, buttons = torch.zeros(1, decoder.dim), decoder.num_buttons
            before = torch.cat([none, decoder.before_rows])
            self.register_buffer("before_rows", before.repeat_interleave(buttons, dim=0))
            self.register_buffer("pair_rows", self._pairs(decoder))
            self.register_buffer("as_before", buttons * torch.arange(1.0, buttons + 1)[:, None])

    def forward(
        self, prev_key: torch.Tensor, delta_time: torch.Tensor, button: torch.Tensor, state: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """prev_key, button int64 [B], delta_time float [B], state [B, S] -> logits [B, 88], next_state [B, S],
        velocity [B, 88]."""
        decoder = self.decoder
        *states, before = state.split([self.dim] * len(decoder.blocks) + [1], dim=1)
        before = before[:, 0].to(torch.int64)
        x = F.embedding(prev_key, decoder.key_rows) + F.embedding(before, self.before_rows)
        if decoder.delta_times is not None:
            x = torch.addmm(x, decoder.delta_times.bumps(delta_time), decoder.delta_times.rows)
        following = []
        for block, h in zip(decoder.blocks, states, strict=True):
            x, h = self._block(block, x, h)
            following.append(h)
        following.append(F.embedding(button, self.as_before))
        pair = F.embedding(before + button, self.pair_rows)
        gain, shift = pair.split(decoder.head_dim, dim=1)
        hidden = torch.relu(decoder.into_head(F.layer_norm(x, (self.dim,), self.ones)) * gain + shift)
        outputs = torch.addmm(self.output_bias, hidden, self.output_product)
        logits, velocities, intervals = outputs.split([NUM_KEYS, NUM_KEYS, 2 * REACH + 2], dim=1)
        logits = logits + intervals.gather(1, F.embedding(prev_key, self.interval_of))
        return logits, torch.cat(following, dim=1), velocities.clamp(1, 127)

    def _block(self, block: Block, x: torch.Tensor, h: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        decay, gate, candidate, hidden = block.read(x, self.ones)
        h = candidate + decay * (h - candidate)
        return torch.addmm(x, beside(gate * h, hidden), block.out.weight.T), h

    @staticmethod
    def _intervals() -> torch.Tensor:
        """Of each key before (or none, 88) and each key, the interval's place among those within REACH: int64 [89, 88];
        2 REACH + 1 where it is none of them."""
        distance = torch.arange(NUM_KEYS) - torch.arange(NUM_KEYS + 1)[:, None]
        return torch.where(distance.abs() <= REACH, distance + REACH, 2 * REACH + 1)

    @staticmethod
    def _pairs(decoder: GatedDecoder) -> torch.Tensor:
        """What the head needs of each button after each button (or none): [(K + 1) K, gain and shift]."""
        every = torch.arange(decoder.num_buttons)
        moves = torch.cat([torch.zeros_like(every)[None], every - every[:, None]]) + decoder.num_buttons - 1
        gains, shifts = decoder.gains + decoder.move_gains[moves], decoder.shifts + decoder.moves[moves]
        return torch.cat([gains, shifts], dim=-1).flatten(0, 1).contiguous()


def _gates_last(weight: torch.Tensor) -> torch.Tensor:
    """torch's gates [4 dim, ...] in the order i, f, g, o -> i, f, o, g: three sigmoids side by side."""
    read, forget, candidate, show = weight.chunk(4)
    return torch.cat([read, forget, show, candidate])
