"""The bottleneck: what the encoder says of a note -> one of a few buttons, the gradient passing straight through.

`IntegerQuantiser` is the paper's: a real number a note, and buttons that stand evenly in [-1, 1]: button b of K at
2 b / (K - 1) - 1 (Donahue et al. 2019, section 3.1, "integer quantised autoencoder").

`VectorQuantiser` is what the paper compares it with: a vector a note, and the nearest of K codes, which are learnt
(van den Oord et al. 2017). The codes have no order, and get none here.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import distributed, nn


def button_of(e: torch.Tensor, num_buttons: int) -> torch.Tensor:
    """The nearest button, int64 0..num_buttons-1, of encoder outputs `e` float of any shape."""
    # floor(x + 0.5), not round(): halves go up, as in the exported graph on every runtime.
    steps = torch.floor((e + 1) / 2 * (num_buttons - 1) + 0.5)
    return steps.clamp(0, num_buttons - 1).to(torch.int64)


def value_of(buttons: torch.Tensor, num_buttons: int) -> torch.Tensor:
    """Where buttons int64 of any shape stand: float32, -1 (the lowest) to 1 (the highest)."""
    return buttons.to(torch.float32) * (2 / (num_buttons - 1)) - 1


def straight_through(e: torch.Tensor, num_buttons: int) -> torch.Tensor:
    """The value of the nearest button going forward; the identity's gradient coming back (Bengio et al. 2013)."""
    return e + (value_of(button_of(e, num_buttons), num_buttons) - e).detach()


class Quantised(NamedTuple):
    """What a quantiser makes of encoder outputs e."""

    buttons: torch.Tensor  # int64 [B, N]
    codes: torch.Tensor  # float, as e: where the buttons stand
    values: torch.Tensor  # float, as e: the same, with the gradient of e


class IntegerQuantiser(nn.Module):
    """Buttons in a row. Outputs e and values are float [B, N]."""

    code_dim = 0
    """Of a vector a note; 0: a number a note."""

    def __init__(self, num_buttons: int):
        super().__init__()
        self.num_buttons = num_buttons

    def forward(self, e: torch.Tensor) -> Quantised:
        """e float [B, N] -> what the decoder hears of it."""
        buttons = self.buttons(e)
        return Quantised(buttons, self.values(buttons), straight_through(e, self.num_buttons))

    def buttons(self, e: torch.Tensor) -> torch.Tensor:
        """e float [...] -> the nearest buttons, int64 [...]."""
        return button_of(e, self.num_buttons)

    def values(self, buttons: torch.Tensor) -> torch.Tensor:
        """Buttons int64 [...] -> what the decoder hears of them, float [...]."""
        return value_of(buttons, self.num_buttons)

    def distances(self, e: torch.Tensor) -> torch.Tensor:
        """e float [...] -> how far each button is, float [..., K]."""
        return (e[..., None] - self.values(torch.arange(self.num_buttons, device=e.device))).abs()


class VectorQuantiser(nn.Module):
    """Buttons that are codes, vectors of `code_dim`. Outputs e and values are float [B, N, code_dim]."""

    def __init__(self, num_buttons: int, code_dim: int):
        super().__init__()
        self.num_buttons, self.code_dim = num_buttons, code_dim
        self.codebook = nn.Parameter(torch.randn(num_buttons, code_dim))
        self.register_buffer("begun", torch.tensor(False))

    def forward(self, e: torch.Tensor) -> Quantised:
        """e float [B, N, code_dim] -> what the decoder hears of it; `codes` have the codebook's gradient."""
        if self.training and not self.begun:
            self.begin(e.detach())
        buttons = self.buttons(e)
        codes = self.values(buttons)
        return Quantised(buttons, codes, e + (codes - e).detach())

    @torch.no_grad()
    def begin(self, e: torch.Tensor) -> None:
        """Put the codes where some outputs e float [B, N, code_dim] are, once, before the first step.

        An encoder's first outputs lie close together. Of codes put at random (as in the paper's code) two or three
        were nearest to all of them, and the others, nearest to none, were never moved.
        """
        outputs = e.flatten(0, -2)
        spread = torch.linspace(0, len(outputs) - 1, self.num_buttons, device=e.device).long()
        self.codebook.copy_(outputs[spread])
        if distributed.is_available() and distributed.is_initialized():
            distributed.broadcast(self.codebook.data, 0)  # each process has seen another part of the batch
        self.begun.fill_(True)

    def buttons(self, e: torch.Tensor) -> torch.Tensor:
        """e float [..., code_dim] -> the nearest codes' numbers, int64 [...]."""
        # The squared distance, less that part of it which is the same for all codes.
        return (self.codebook.square().sum(-1) - 2 * (e @ self.codebook.T)).argmin(-1)

    def values(self, buttons: torch.Tensor) -> torch.Tensor:
        """Buttons int64 [...] -> their codes, float [..., code_dim]."""
        return F.embedding(buttons, self.codebook)

    def distances(self, e: torch.Tensor) -> torch.Tensor:
        """e float [..., code_dim] -> how far each button is, float [..., K]."""
        return torch.linalg.vector_norm(e[..., None, :] - self.codebook, dim=-1)
