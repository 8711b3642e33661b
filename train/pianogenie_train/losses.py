"""What training minimises, each a mean over all notes (Donahue et al. 2019, section 3.2).

The hinges are squared, as in the authors' code.
"""

import torch
import torch.nn.functional as F


def reconstruction(logits: torch.Tensor, keys: torch.Tensor) -> torch.Tensor:
    """Cross-entropy, in nats a note, of `logits` float [B, N, 88] for the true `keys` int64 [B, N]."""
    return F.cross_entropy(logits.flatten(0, 1), keys.flatten())


def margin(e: torch.Tensor) -> torch.Tensor:
    """Keeps the encoder's outputs `e` float [B, N] within [-1, 1], where the buttons are."""
    return (e.abs() - 1).clamp(min=0).square().mean()


def contour(keys: torch.Tensor, e: torch.Tensor) -> torch.Tensor:
    """Makes the encoder's outputs `e` float [B, N] move as the `keys` int64 [B, N] do.

    A step of the keys (semitones) times a step of `e` should be 1 or more: so it is if both go the same way.
    """
    semitones = keys.diff(dim=1).to(e.dtype)
    return (1 - semitones * e.diff(dim=1)).clamp(min=0).square().mean()
