"""What training minimises, each a mean over all notes (Donahue et al. 2019, section 3.2).

The hinges are squared, as in the authors' code.
"""

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
    encoded = batch.keys[len(batch.hands) :]  # the other windows a hand plays
    if reading.nats_of_each is not None:
        found["choice"] = Term(1.0, choice(reading.e, reading.nats_of_each))
    if reading.tune_e is not None:
        found["tunes"] = Term(config.tune_weight, tapped(reading.tune_e, batch.tune_buttons, config.num_buttons))
        share = config.tune_notes_weight * batch.tune_keys.numel() / batch.keys.numel()
        found["tune notes"] = Term(share, reconstruction(reading.tune_logits, batch.tune_keys))
    if config.bottleneck == "integer":
        found["margin"] = Term(config.margin_weight, margin(reading.e))
        if config.contour == "buttons":
            moved = contour_in_buttons(encoded, reading.e, config.num_buttons)
            found["contour"] = Term(config.contour_weight, moved)
        elif config.contour == "paper":
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


VELOCITY_SPREAD = 20.0
"""About the standard deviation of velocity in piano performances, so that a constant guess costs about 1."""


def dynamics(velocities: torch.Tensor, keys: torch.Tensor, played: torch.Tensor) -> torch.Tensor:
    """Squared error, in spreads, of what `velocities` float [B, N, 88] expects of the true `keys` int64 [B, N],
    which were `played` float [B, N] (1..127) loud."""
    expected = velocities.gather(-1, keys[..., None])[..., 0]
    return ((expected - played) / VELOCITY_SPREAD).square().mean()


CHOICE_SPREAD = 0.5
"""Buttons: how far around the encoder's output the buttons beside it are weighed up."""


def choice(e: torch.Tensor, nats_of_each: torch.Tensor) -> torch.Tensor:
    """What a finger that lands around the encoder's output `e` float [B, N] would cost, when each button would cost
    `nats_of_each` float [B, N, K] there: the gradient for `e` compares the buttons themselves, where the
    straight-through one (quantiser.py) would guess from how the decoder's input slopes.

    The finger lands on button b with a share of exp(-(e - b)^2 / 2 spread^2), distances in buttons.
    """
    num_buttons = nats_of_each.shape[-1]
    place = (e + 1) / 2 * (num_buttons - 1)
    off = place[..., None] - torch.arange(num_buttons, device=e.device)
    return (F.softmax(-(off / CHOICE_SPREAD).square() / 2, dim=-1) * nats_of_each).sum(-1).mean()


def tapped(e: torch.Tensor, buttons: torch.Tensor, num_buttons: int) -> torch.Tensor:
    """Squared error, in buttons, of the encoder's outputs `e` float [B, N] on tunes that people would tap with
    `buttons` int64 [B, N]."""
    return ((e + 1) / 2 * (num_buttons - 1) - buttons).square().mean()


def margin(e: torch.Tensor) -> torch.Tensor:
    """Keeps the encoder's outputs `e` float [B, N] within [-1, 1], where the buttons are."""
    return (e.abs() - 1).clamp(min=0).square().mean()


def contour_in_buttons(keys: torch.Tensor, e: torch.Tensor, num_buttons: int) -> torch.Tensor:
    """The same in the measure of the row: a rise or a fall moves a button or more, a repeated key stays."""
    moved = e.diff(dim=1) * ((num_buttons - 1) / 2)
    way = keys.diff(dim=1).sign().to(e.dtype)
    return torch.where(way == 0, moved.square(), (1 - way * moved).clamp(min=0).square()).mean()


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
