"""The paper's autoencoder: keys -> buttons -> keys.

    encoder   keys and delta times, both ways through the window, -> a real number a note
    quantiser (quantiser.py)                                      -> one of K buttons a note
    decoder   the key before, the delta time and the button       -> logits over the 88 keys

Differences from the paper: delta times go to the encoder and decoder as 33 one-hot bins, as in Magenta's
published decoder; one-hot inputs times a dense layer are written as rows of a table, which is the same.

The other rows of the paper's first table are settings: another quantiser or none (a decoder alone, which is a
language model of keys), and no delta times.
"""

from typing import NamedTuple

import torch
from torch import nn

from pianogenie.keys import NO_KEY, NUM_KEYS
from pianogenie_train.config import Config
from pianogenie_train.data import Batch
from pianogenie_train.gated import GatedDecoder
from pianogenie_train.quantiser import IntegerQuantiser, VectorQuantiser

BINS_PER_S = 31.25
"""The resolution of delta times: a bin is 32 ms."""
LAST_BIN = 32
"""Everything from 1.024 s on."""


def delta_time_bins(delta_times: torch.Tensor) -> torch.Tensor:
    """Delta times in seconds, of any shape -> bins, int64 0..32."""
    return torch.round(delta_times * BINS_PER_S).clamp(0, LAST_BIN).to(torch.int64)


def keys_before(keys: torch.Tensor) -> torch.Tensor:
    """Keys int64 [B, N] -> the key before each, int64 [B, N], NO_KEY first."""
    return torch.cat([torch.full_like(keys[:, :1], NO_KEY), keys[:, :-1]], dim=1)


class Encoder(nn.Module):
    """Performances -> where each note lies between the lowest button (-1) and the highest (1); or a vector a note,
    of `code_dim`."""

    def __init__(self, dim: int, layers: int, code_dim: int = 0, with_delta_times: bool = True):
        super().__init__()
        self.code_dim = code_dim
        self.key_table = _table(NUM_KEYS, dim)
        self.time_table = _table(LAST_BIN + 1, dim) if with_delta_times else None
        self.lstm = _remembering(nn.LSTM(dim, dim, layers, batch_first=True, bidirectional=True))
        self.output = nn.Linear(2 * dim, code_dim or 1)

    def features(self, keys: torch.Tensor, delta_times: torch.Tensor) -> torch.Tensor:
        """What the LSTM reads: float [B, N, dim]."""
        features = self.key_table(keys)
        return features if self.time_table is None else features + self.time_table(delta_time_bins(delta_times))

    def forward(self, keys: torch.Tensor, delta_times: torch.Tensor) -> torch.Tensor:
        """keys int64 [B, N], delta_times float [B, N] in seconds -> e float [B, N], or [B, N, code_dim]."""
        hidden, _ = self.lstm(self.features(keys, delta_times))
        e = self.output(hidden)
        return e if self.code_dim else e[..., 0]


class Decoder(nn.Module):
    """The instrument: what key a button means, given all that was played before.

    A button is a number, or a vector of `code_dim`. One that does not hear them is a language model.
    """

    def __init__(
        self, dim: int, layers: int, code_dim: int = 0, with_delta_times: bool = True, hears_buttons: bool = True
    ):
        super().__init__()
        self.key_table = _table(NUM_KEYS + 1, dim)  # the last row: nothing was played yet
        self.time_table = _table(LAST_BIN + 1, dim) if with_delta_times else None
        self.button_weight = nn.Linear(code_dim or 1, dim) if hears_buttons else None
        self.lstm = _remembering(nn.LSTM(dim, dim, layers, batch_first=True))
        self.output = nn.Linear(dim, NUM_KEYS)

    def forward(
        self, prev_keys: torch.Tensor, delta_times: torch.Tensor, values: torch.Tensor | None, _buttons: object = None
    ) -> tuple[torch.Tensor, None]:
        """Whole windows at once, from a fresh state.

        prev_keys int64 [B, N] (88: none), delta_times float [B, N] in seconds, values float [B, N] (buttons,
        -1..1) or [B, N, code_dim], or None of a language model -> logits float [B, N, 88], and None: it knows no
        velocity.
        """
        features = self.key_table(prev_keys)
        if self.time_table is not None:
            features = features + self.time_table(delta_time_bins(delta_times))
        if self.button_weight is not None:
            features = features + self.button_weight(values.reshape(*prev_keys.shape, -1))
        hidden, _ = self.lstm(features)
        return self.output(hidden), None


class Reading(NamedTuple):
    """What the autoencoder makes of a batch. The encoder reads the E windows that no hand plays."""

    e: torch.Tensor | None  # float [E, N], or [E, N, code_dim]: the paper's encoder's outputs
    logits: torch.Tensor  # float [B, N, 88]
    velocities: torch.Tensor | None  # float [B, N, 88], 1..127: what is expected of each key; the paper's has none
    codes: torch.Tensor | None = None  # float, as e: where its buttons stand
    buttons: torch.Tensor | None = None  # int64 [E, N], the encoder's; None of a language model
    # Of gated networks:
    known: torch.Tensor | None = None  # float [B, N, 88]: logits without a button
    leanings: torch.Tensor | None = None  # float [B, N, 88] (gated.Expected)
    # Of tunes, if there are any:
    tune_places: torch.Tensor | None = None  # float [T, M], in buttons
    tune_logits: torch.Tensor | None = None  # float [T, M, 88], with the tunes' own buttons
    tune_known: torch.Tensor | None = None  # float [T, M, 88]


class Autoencoder(nn.Module):
    """Encoder, quantiser and decoder, of a configuration. A language model has a decoder alone, and 0 buttons; of a
    gated network the decoder's expectations are the encoder, too."""

    def __init__(self, config: Config):
        super().__init__()
        hears_buttons, with_times = config.bottleneck != "none", config.with_delta_times
        self.num_buttons = config.num_buttons if hears_buttons else 0
        dim, layers = config.rnn_dim, config.rnn_layers
        if config.network == "gated":
            self.encoder = None
            self.decoder = GatedDecoder(dim, layers, config.num_buttons, with_times, config.dropout, config.memories)
        else:
            of_encoder = (config.encoder_dim or dim, config.encoder_layers or layers)
            code_dim = config.code_dim if config.bottleneck == "vector" else 0
            self.encoder = Encoder(*of_encoder, code_dim, with_times) if hears_buttons else None
            self.decoder = Decoder(dim, layers, code_dim, with_times, hears_buttons)
        self.quantiser = _quantiser(config)

    def forward(self, keys: torch.Tensor, delta_times: torch.Tensor, hands: torch.Tensor | None = None) -> Reading:
        """keys int64 [B, N], delta_times float [B, N] in seconds -> a Reading, with gradients for all parts.

        `hands` int64 [H, N] are buttons for the decoder to hear in the first H windows, in the encoder's place.
        """
        prev_keys = keys_before(keys)
        if self.quantiser is None:
            return Reading(None, *self.decoder(prev_keys, delta_times, None))
        by_hand = 0 if hands is None else len(hands)
        if isinstance(self.decoder, GatedDecoder):
            expected = self.decoder.expect(prev_keys, delta_times)
            pressed = self.decoder.encode(expected, keys)[by_hand:]
            buttons = torch.cat([hands, pressed]) if by_hand else pressed
            heard = self.decoder.listen(expected, prev_keys, delta_times, buttons)
            known, leanings = expected.logits.transpose(0, 1), expected.leanings
            return Reading(None, *heard, buttons=pressed, known=known, leanings=leanings)
        e = self.encoder(keys[by_hand:], delta_times[by_hand:])
        pressed, codes, values = self.quantiser(e)
        if by_hand:
            values = torch.cat([self.quantiser.values(hands), values])
        return Reading(e, *self.decoder(prev_keys, delta_times, values), codes, pressed)

    def learn_from(self, batch: Batch) -> Reading:
        """A batch of training as a Reading, its tunes with it."""
        reading = self(batch.keys, batch.delta_times, batch.hands if len(batch.hands) else None)
        if not len(batch.tune_keys):
            return reading
        prev_keys = keys_before(batch.tune_keys)
        expected = self.decoder.expect(prev_keys, batch.tune_delta_times)
        return reading._replace(
            tune_places=self.decoder.places(expected, batch.tune_keys, batch.tune_buttons),
            tune_logits=self.decoder.listen(expected, prev_keys, batch.tune_delta_times, batch.tune_buttons)[0],
            tune_known=expected.logits.transpose(0, 1),
        )

    def buttons(self, keys: torch.Tensor, delta_times: torch.Tensor) -> torch.Tensor:
        """keys int64 [B, N], delta_times float [B, N] in seconds -> buttons int64 [B, N]. Not of a language model."""
        if isinstance(self.decoder, GatedDecoder):
            return self.decoder.encode(self.decoder.expect(keys_before(keys), delta_times), keys)
        return self.quantiser.buttons(self.encoder(keys, delta_times))

    def hear(
        self, keys: torch.Tensor, delta_times: torch.Tensor, buttons: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Teacher forced: keys and buttons int64 [B, N], delta_times float [B, N] in seconds -> logits float
        [B, N, 88], and the velocity expected of each key, float [B, N, 88], or None. A language model hears no
        buttons, whatever they are."""
        values = None if self.quantiser is None else self.quantiser.values(buttons)
        return self.decoder(keys_before(keys), delta_times, values, buttons)


def _quantiser(config: Config) -> IntegerQuantiser | VectorQuantiser | None:
    if config.bottleneck == "vector":
        return VectorQuantiser(config.num_buttons, config.code_dim)
    return IntegerQuantiser(config.num_buttons) if config.bottleneck == "integer" else None


def _table(rows: int, dim: int) -> nn.Embedding:
    table = nn.Embedding(rows, dim)
    nn.init.normal_(table.weight, std=0.1)  # about what a dense layer over one-hot inputs would start with
    return table


def _remembering(lstm: nn.LSTM) -> nn.LSTM:
    """Start with forget gates open (a bias of 1 more), as in Magenta's published decoder (Jozefowicz et al. 2015)."""
    for name, bias in lstm.named_parameters():
        if name.startswith("bias_ih"):
            forget = bias.data.chunk(4)[1]  # torch's gates lie in the order i, f, g, o
            forget += 1
    return lstm
