"""What a decoder and an encoder are made of, in one form whichever checkpoint they come from.

The gates of an LSTM lie in the order input, forget, output, candidate: three sigmoids side by side, then the
tanh. A decoder's first layer is linear up to its gates, so what each of its inputs adds to them is worked out
here, once and in double precision: a row to look up, or a direction to scale.
"""

from dataclasses import dataclass, field

import numpy as np

from pianogenie.errors import UserError

MAX_WIDTH = 1024
"""The widest layer that is read; the peers' have 128."""
MAX_LAYERS = 8
"""The most LSTM layers that are read; the peers have 2."""


@dataclass(frozen=True)
class BinnedTime:
    """Delta times as one of a few bins: `round(seconds * bins_per_s)`, halves to even, not above the last row.

    rows [bins, 4 dim]: what each bin adds to the first layer's gates.
    """

    rows: np.ndarray
    bins_per_s: float


@dataclass(frozen=True)
class ScaledTime:
    """Delta times as a number of seconds, 0 to `most_s`.

    direction [1, 4 dim] (of an encoder [1, dim]): what one second adds to what the first layer reads.
    """

    direction: np.ndarray
    most_s: float


@dataclass(frozen=True)
class Layer:
    """An LSTM layer above the first: product [2 dim, 4 dim] of the layer below and its own h, bias [4 dim]."""

    product: np.ndarray
    bias: np.ndarray


@dataclass(frozen=True)
class DecoderWeights:
    """One step of a decoder.

    key_rows [89, 4 dim]: what the key before adds to the first layer's gates, `NO_KEY` last; its biases included.
    button_rows [num_buttons, 4 dim]: what the button adds.
    product [dim, 4 dim]: what the first layer's own hidden state adds.
    above: the layers above the first.
    output [dim, 88], output_bias [88].
    """

    key_rows: np.ndarray
    button_rows: np.ndarray
    time: BinnedTime | ScaledTime
    product: np.ndarray
    above: list[Layer]
    output: np.ndarray
    output_bias: np.ndarray

    @property
    def num_buttons(self) -> int:
        """How many buttons it was trained with."""
        return len(self.button_rows)

    @property
    def dim(self) -> int:
        """The width of a layer."""
        return len(self.product)

    @property
    def state_size(self) -> int:
        """h and c of every layer, in a row."""
        return 2 * self.dim * (1 + len(self.above))


@dataclass(frozen=True)
class BothWays:
    """A bidirectional LSTM layer: forwards first. into [2, 4 dim, inputs], own [2, 4 dim, dim], bias [2, 4 dim].

    Its gates are in ONNX's order (input, output, forget, candidate), for it becomes ONNX's own operator.
    """

    into: np.ndarray
    own: np.ndarray
    bias: np.ndarray


@dataclass(frozen=True)
class EncoderWeights:
    """key_rows [88, dim], the input's bias included; output [2 dim, 1], output_bias [1]."""

    key_rows: np.ndarray
    time: ScaledTime
    layers: list[BothWays]
    output: np.ndarray
    output_bias: np.ndarray


@dataclass(frozen=True)
class Peer:
    """A checkpoint, read.

    Attributes:
        title: what it is, for people.
        url: where to read about it.
        decoder: the instrument.
        encoder: None where only the decoder was published.
        settings: how it was trained, as far as the checkpoint itself says.
        sources: SHA-256 of each file that was read, by name.
        example: inputs and expected logits that came with it, or None.
    """

    title: str
    url: str
    decoder: DecoderWeights
    encoder: EncoderWeights | None = None
    settings: dict = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    example: "Example | None" = None


@dataclass(frozen=True)
class Example:
    """A performance and what the authors' program makes of it, teacher forced from a fresh state.

    prev_keys, buttons int64 [N]; delta_times float32 [N] in seconds; logits float64 [N, 88]; name of the file.
    """

    name: str
    prev_keys: np.ndarray
    delta_times: np.ndarray
    buttons: np.ndarray
    logits: np.ndarray


def button_values(num_buttons: int) -> np.ndarray:
    """Where each button lies between -1 and 1: float64 [num_buttons, 1]."""
    return np.linspace(-1, 1, num_buttons)[:, None]


def check_shapes(found: dict[str, tuple], expected: dict[str, tuple], where: str) -> None:
    """Raise UserError, naming `where` and the first fault, unless both hold the same names with the same shapes."""
    for name in expected:
        if name not in found:
            raise UserError(f"{where}: {name} is missing; this is not the Piano Genie checkpoint that is known here")
    for name, shape in found.items():
        if name not in expected:
            raise UserError(f"{where}: {name[:100]!r} is not part of the Piano Genie checkpoint that is known here")
        if tuple(shape) != expected[name]:
            raise UserError(f"{where}: {name} has shape {list(shape)}, not {list(expected[name])}")
