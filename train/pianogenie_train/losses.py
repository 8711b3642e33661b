"""What training minimises, each a mean over all notes (Donahue et al. 2019, section 3.2).

The hinges are squared, as in the authors' code.
"""

import math
from typing import TYPE_CHECKING, NamedTuple

import torch
import torch.nn.functional as F

from pianogenie_train.config import Config

if TYPE_CHECKING:
    from pianogenie_train.data import Batch
    from pianogenie_train.model import Reading


class Term(NamedTuple):
    """A part of what is minimised."""

    weight: float
    value: torch.Tensor


def terms(config: Config, reading: "Reading", batch: "Batch") -> dict[str, Term]:
    """All that a configuration minimises, by name; the loss is the sum of weight times value."""
    found = {"reconstruction": Term(1.0, reconstruction(reading.logits, batch.keys))}
    if reading.known is not None:
        found["known"] = Term(1.0, reconstruction(reading.known, batch.keys))
        found["leanings"] = Term(config.leaning_weight, reading.leanings.square().mean())
    if reading.tune_places is not None:
        found["tunes"] = Term(config.tune_weight, tapped(reading.tune_places, batch.tune_buttons))
        share = config.tune_notes_weight * batch.tune_keys.numel() / batch.keys.numel()
        for name, logits in (("tune notes", reading.tune_logits), ("tunes known", reading.tune_known)):
            found[name] = Term(share, reconstruction(logits, batch.tune_keys))
    if config.bottleneck == "integer" and reading.e is not None:
        found["margin"] = Term(config.margin_weight, margin(reading.e))
        if config.contour == "paper":
            encoded = batch.keys[len(batch.hands) :]  # the other windows a hand plays
            found["contour"] = Term(config.contour_weight, contour(encoded, reading.e))
    elif config.bottleneck == "vector":
        found["codebook"] = Term(1.0, codebook(reading.e, reading.codes))
        found["commitment"] = Term(config.commitment_weight, commitment(reading.e, reading.codes))
    if reading.velocities is not None:
        found["dynamics"] = Term(config.dynamics_weight, dynamics(reading.velocities, batch.keys, batch.velocities))
    return found


def reconstruction(logits: torch.Tensor, keys: torch.Tensor) -> torch.Tensor:
    """Cross-entropy, in nats a note, of `logits` float [B, N, 88] for the true `keys` int64 [B, N]."""
    return F.cross_entropy(logits.flatten(0, 1), keys.flatten())


def perplexity(nats: float) -> float:
    """Cross-entropy in nats a note -> among how many keys one would have to guess; inf where a float ends."""
    return math.exp(nats) if nats < 700 else math.inf


VELOCITY_SPREAD = 20.0
"""About the standard deviation of velocity in piano performances, so that a constant guess costs about 1."""


def dynamics(velocities: torch.Tensor, keys: torch.Tensor, played: torch.Tensor) -> torch.Tensor:
    """Squared error, in spreads, of what `velocities` float [B, N, 88] expects of the true `keys` int64 [B, N],
    which were `played` float [B, N] (1..127) loud."""
    expected = velocities.gather(-1, keys[..., None])[..., 0]
    return ((expected - played) / VELOCITY_SPREAD).square().mean()


def tapped(places: torch.Tensor, buttons: torch.Tensor) -> torch.Tensor:
    """Squared error, in buttons, of the `places` float [B, N] of tunes that people would tap with `buttons` int64
    [B, N]."""
    return (places - buttons).square().mean()


def margin(e: torch.Tensor) -> torch.Tensor:
    """Keeps the encoder's outputs `e` float [B, N] within [-1, 1], where the buttons are."""
    return (e.abs() - 1).clamp(min=0).square().mean()


def contour(keys: torch.Tensor, e: torch.Tensor) -> torch.Tensor:
    """Makes the encoder's outputs `e` float [B, N] move as the `keys` int64 [B, N] do.

    A step of the keys (semitones) times a step of `e` should be 1 or more: so it is if both go the same way.
    """
    semitones = keys.diff(dim=1).to(e.dtype)
    return (1 - semitones * e.diff(dim=1)).clamp(min=0).square().mean()


def codebook(e: torch.Tensor, codes: torch.Tensor) -> torch.Tensor:
    """Moves the codes, float [B, N, D], that the encoder's outputs `e`, of the same shape, were nearest to, towards
    them (van den Oord et al. 2017); a mean over all elements, as in the paper's code."""
    return F.mse_loss(codes, e.detach())


def commitment(e: torch.Tensor, codes: torch.Tensor) -> torch.Tensor:
    """The same the other way: moves the encoder's outputs towards the codes."""
    return F.mse_loss(e, codes.detach())
