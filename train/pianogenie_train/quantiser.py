"""A real number -> one of a few buttons, with a gradient that passes straight through.

The buttons stand evenly in [-1, 1]: button b of K at 2 b / (K - 1) - 1 (Donahue et al. 2019, section 3.1,
"integer quantised autoencoder").
"""

import torch


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
