"""One press of each decoder, as a module of few and large operations: what is exported, and played from torch.

All that does not depend on the state is worked out here, once. That, and not the size of a network, is what makes
a step quick: at this size a node of a graph costs more than its arithmetic.
"""

import torch
import torch.nn.functional as F
from torch import nn

from pianogenie.keys import NO_KEY, NUM_KEYS
from pianogenie_train import shares
from pianogenie_train.gated import (
    EVENNESS,
    FORGETS,
    FORGIVES,
    INTERVALS,
    LISTENED,
    MIDDLE_VELOCITY,
    STEEPNESS,
    GatedDecoder,
    against,
)
from pianogenie_train.handbank import CHORD_S, Followed, Guess
from pianogenie_train.losses import VELOCITY_SPREAD
from pianogenie_train.model import Autoencoder, Decoder, delta_time_bins
from pianogenie_train.operators import ramp, shrink, softplus
from pianogenie_train.quantiser import IntegerQuantiser, VectorQuantiser

_MOMENT_S = 1e-6
"""How long the step from "not yet" to "now" takes where it is a ramp."""


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
    single_rows = False

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
    """Our decoder.

    Its state in a row is, of what was before the last press: h of each block, with the fast weights of those that
    have some and where the next note will write in them; where the bank's hands lie and how far off they have been;
    the like of the shares (gated.FORGETS, less than 0); what makes of a key the row of its strides. And of that
    press: how far off it each key would be by the shares; its button, from the middle; K times its button, counted
    from 1, so that with the next it is a row of a table of pairs.
    """

    outputs = ("logits", "next_state", "velocity")
    single_rows = True
    """Whether of many buttons at one moment all else may be a single row."""

    def __init__(self, decoder: GatedDecoder):
        super().__init__()
        self.decoder, self.bank, self.dim = decoder, decoder.bank, decoder.dim
        hands = self.bank.num_hands
        kept = [size for block in decoder.blocks for size in block.kept]
        self.parts = [*kept, hands, hands, 2 * len(FORGETS), 1, NUM_KEYS, 1, 1]
        self.state_size = sum(self.parts)
        self.register_buffer("ones", torch.ones(decoder.dim))  # ONNX's layer norm wants a scale
        # Products with these add weights up, as shares.spread does: up to the middle of each key, from below and from
        # above; of all keys below each; of each and all above it.
        below, half = torch.ones(NUM_KEYS, NUM_KEYS).triu(1), torch.eye(NUM_KEYS) / 2
        sums = torch.cat([below + half, below.T + half, below, 1 - below], dim=1)
        self.register_buffer("sums", F.pad(sums, (0, 1)))
        self.register_buffer("least", 2 * shares.LEAST * self.sums.sum(0))
        signs = torch.tensor([1.0, -1.0])  # of what is over, and under
        self.register_buffer("forgets", torch.tensor(FORGETS).repeat_interleave(2))
        self.register_buffer("unforgiving", FORGIVES * signs.repeat(len(FORGETS)))
        self.register_buffer("steepness", STEEPNESS * signs.repeat(LISTENED // 2))
        self.register_buffer("no_button", torch.zeros(decoder.num_buttons, 1, dtype=torch.int64))
        with torch.no_grad():
            self._tables_by_key()
            for number, block in enumerate(decoder.blocks):
                if block.memory is not None:
                    self.register_buffer(f"decay_{number}", block.memory.decay())
            buttons = decoder.num_buttons
            self.register_buffer("pair_rows", self._pairs(decoder))
            as_last = torch.arange(buttons) - self.bank.middle, buttons * torch.arange(1.0, buttons + 1)
            self.register_buffer("as_last", torch.stack(as_last, dim=1))
            # After the intervals of both heads comes what is said of keys out of reach, which is nothing.
            self._keep("known", decoder.known, torch.ones(1), torch.zeros(1), [2 * NUM_KEYS + INTERVALS, 0])
            loud, rest = torch.arange(len(decoder.output.bias)) // NUM_KEYS == 1, [2 * NUM_KEYS + INTERVALS, LISTENED]
            scale, middle = torch.where(loud, VELOCITY_SPREAD, 1.0), torch.where(loud, MIDDLE_VELOCITY, 0.0)
            self._keep("output", decoder.output, scale, middle, rest)
            self.register_buffer("blame", -torch.exp(self.bank.blame))
            self.register_buffer("back", 1 - self.bank.stays)
            self.register_buffer("may_rest_from", self.bank.pauses - _MOMENT_S)

    def _keep(self, name: str, linear: nn.Linear, scale: torch.Tensor, more: torch.Tensor, parts: list[int]) -> None:
        """A layer's outputs times `scale` and plus `more`, with a nought between the `parts` of them."""
        weight = (linear.weight * scale[:, None]).split(parts)
        bias = (linear.bias * scale + more).split(parts)
        self.register_buffer(f"{name}_product", torch.cat([F.pad(weight[0], (0, 0, 0, 1)), weight[1]]).T.contiguous())
        self.register_buffer(f"{name}_bias", torch.cat([F.pad(bias[0], (0, 1)), bias[1]]))

    def _tables_by_key(self) -> None:
        """What the key before (or none) says: rows of numbers, and of places in other rows; first for notes apart, then
        as many for chords, [2 * 89, ...]. And what the strides are that they speak of."""
        decoder, bank, every = self.decoder, self.bank, torch.arange(NUM_KEYS + 1)
        distances = bank.strides.shape[1]
        # The strides that led to a key: first as many rows of noughts as there are keys and none, then of notes apart,
        # then of chords. `begun`, plus the next key, is the number of its row.
        both = torch.cat([bank.strides, bank.strides_seen], dim=2).flatten(0, 1)
        self.register_buffer("stride_rows", F.pad(both, (0, 0, len(every), 0)))
        self.register_buffer("kind_strides", bank.kind_strides.flatten(0, 1).T.contiguous())
        begun = len(every) + NUM_KEYS - 1.0 - every + torch.tensor([0.0, distances])[:, None]
        begun[:, NO_KEY] = 0
        numbers = torch.cat([decoder.key_rows, decoder.ways], dim=1).repeat(2, 1)
        self.register_buffer("key_numbers", torch.cat([numbers, begun.view(-1, 1)], dim=1))
        edges = torch.stack([every % NUM_KEYS, NUM_KEYS + (every + 1) % (NUM_KEYS + 1)], dim=1)
        own = (every % NUM_KEYS)[:, None].expand(-1, len(self.forgets))
        places = torch.cat([decoder.near, edges, own], dim=1).repeat(2, 1)
        ahead = torch.cat([bank.ahead, bank.ahead + distances])
        self.register_buffer("key_places", torch.cat([places, ahead], dim=1))

    def forward(
        self, prev_key: torch.Tensor, delta_time: torch.Tensor, button: torch.Tensor, state: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """prev_key, button int64 [B], delta_time float [B], state [B, S] -> logits [B, 88], next_state [B, S],
        velocity [B, 88].

        All but `button` may be a single row: of many buttons at one moment, what comes before the button is worked out
        once, and so a step of eight takes little longer than of one.
        """
        decoder, shared = self.decoder, []
        *states, lies, misses, missed, begun, off_before, pressed, before = state.split(self.parts, dim=1)
        delta_time = decoder.heard(delta_time)
        waited = delta_time[:, None]
        row = prev_key + (delta_time < CHORD_S).to(torch.int64) * (NUM_KEYS + 1)
        x, ways, begins = F.embedding(row, self.key_numbers).split([self.dim, NUM_KEYS, 1], dim=1)
        sizes = [NUM_KEYS, 2, len(self.forgets), NUM_KEYS]
        near, edges, own, ahead = F.embedding(row, self.key_places).split(sizes, dim=1)
        if decoder.delta_times is not None:
            x = torch.addmm(x, decoder.delta_times.ramps(waited), decoder.delta_times.rows)
        for number in range(len(decoder.blocks)):
            x, following = self._block(number, x, states[len(shared) :])
            shared += following
        context = F.layer_norm(x, (self.dim,), self.ones)

        known = torch.addmm(self.known_bias, torch.relu(decoder.into_known(context)), self.known_product)
        known, leanings, intervals = known.split([NUM_KEYS, NUM_KEYS, INTERVALS + 1], dim=1)
        known = known + intervals.gather(1, near)
        weights = torch.softmax(EVENNESS * known + leanings, dim=1)

        up, down = self._spread(weights, edges)

        followed = self._follow(Followed(lies, misses), prev_key, waited, pressed, begun)
        guess = self._guess(followed, ahead)
        missed = self.forgets * missed - torch.relu(self.unforgiving * off_before.gather(1, own))
        playing = torch.cat([guess.kinds, torch.exp(missed)], dim=1)
        context = torch.addmm(decoder.into_head(context), playing, decoder.players.weight.T)
        shared += [*followed, missed, begins]

        # Here the button comes in.
        pair = F.embedding(before[:, 0].to(torch.int64) + button, self.pair_rows)
        sizes = [decoder.head_dim, decoder.head_dim, 1, 1, 1, 1, 1]
        gain, shift, moved, above, under, centred, nought = pair.split(sizes, dim=1)
        off_shares = shrink(ways + up * above - down * under - moved)
        off_bank = shrink(guess.places - centred)
        outputs = torch.addmm(self.output_bias, torch.relu(context * gain + shift), self.output_product)
        logits, velocities, intervals, listened = outputs.split([NUM_KEYS, NUM_KEYS, INTERVALS + 1, LISTENED], dim=1)
        over, under, over_bank, under_bank = (self.steepness * softplus(listened)).split(1, dim=1)
        logits = logits + known - against(off_shares, over, under) - against(off_bank, over_bank, under_bank)
        logits = logits + intervals.gather(1, near + F.embedding(button, self.no_button))
        shared = torch.cat(shared, dim=1) + nought
        return (
            logits,
            torch.cat([shared, off_shares, F.embedding(button, self.as_last)], dim=1),
            velocities.clamp(1, 127),
        )

    def _block(
        self, number: int, x: torch.Tensor, states: list[torch.Tensor]
    ) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """A block's part of the way; `states` begin with its own."""
        block = self.decoder.blocks[number]
        normed = F.layer_norm(x, (self.dim,), self.ones)
        decay, gate, candidate, hidden = block.read(normed)
        h = candidate + decay * (states[0] - candidate)
        parts, following = [gate * h, *hidden], [h]
        if block.memory is not None:
            recalled, *memory = block.memory.step(normed, *states[1:3], getattr(self, f"decay_{number}"))
            parts.append(recalled)
            following += memory
        return torch.addmm(x, torch.cat(parts, dim=1), block.out.weight.T), following

    def _spread(self, weights: torch.Tensor, edges: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """As shares.spread -> up and down, float [B, 88] each; `edges` int64 [B, 2] is where to find what all keys
        below the one before weigh, and all above it."""
        added_up = torch.addmm(self.least, weights, self.sums)
        to_middles, from_middles, whole = added_up.split([NUM_KEYS, NUM_KEYS, 2 * NUM_KEYS + 1], dim=1)
        below, onward = whole.gather(1, edges).clamp(min=shares.LEAST).split(1, dim=1)
        return torch.relu(1 - from_middles / onward), torch.relu(1 - to_middles / below)

    def _follow(
        self, before: Followed, prev_key: torch.Tensor, waited: torch.Tensor, pressed: torch.Tensor, begun: torch.Tensor
    ) -> Followed:
        """How the bank's hands stand now that the note before is known."""
        strides = F.embedding(begun[:, 0].to(torch.int64) + prev_key, self.stride_rows)
        now = self.bank.after(before, *strides.split(self.bank.num_hands, dim=1), pressed)
        # As HandBank.rested; a ramp so steep takes a sixth of the time that ONNX's Where does.
        not_yet = ramp(self.may_rest_from - waited, 1 / _MOMENT_S)
        return now._replace(lies=now.lies * (self.bank.stays + self.back * not_yet))

    def _guess(self, followed: Followed, ahead: torch.Tensor) -> Guess:
        """As the bank's own; `ahead` int64 [B, 88] is where the strides to all keys lie among both sorts of strides."""
        bank = self.bank
        weights = torch.softmax(self.blame * followed.misses + bank.prior, dim=1)
        kinds = weights @ bank.kind_of
        places = (weights * followed.lies).sum(1, keepdim=True) + (kinds @ self.kind_strides).gather(1, ahead)
        return Guess(places.clamp(-bank.edge, bank.edge), kinds)

    @staticmethod
    def _pairs(decoder: GatedDecoder) -> torch.Tensor:
        """What each button means after each button (or none): gain and shift for the head, the button it was (seen from
        the one that it is), the room above and below that, the button from the middle, and nought:
        [(K + 1) K, 2 H + 5]."""
        every = torch.arange(decoder.num_buttons)
        moves = torch.cat([torch.zeros_like(every)[None], every - every[:, None]]) + decoder.num_buttons - 1
        gains, shifts = decoder.gains + decoder.move_gains[moves], decoder.shifts + decoder.moves[moves]
        hand = torch.cat([torch.tensor([shares.NOWHERE]), every.to(torch.float32)])[:, None].expand(moves.shape)
        centred = (every - decoder.bank.middle).expand(moves.shape)
        places = torch.stack(
            [every - hand, *shares.room(hand, decoder.num_buttons), centred, torch.zeros_like(hand)], dim=-1
        )
        return torch.cat([gains, shifts, places], dim=-1).flatten(0, 1).contiguous()


def _gates_last(weight: torch.Tensor) -> torch.Tensor:
    """torch's gates [4 dim, ...] in the order i, f, g, o -> i, f, o, g: three sigmoids side by side."""
    read, forget, candidate, show = weight.chunk(4)
    return torch.cat([read, forget, show, candidate])
