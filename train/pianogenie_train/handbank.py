"""Who may be playing: a bank of simple hands, each followed from note to note.

A hand lays the row of buttons over the keys, or walks along it, and each of the bank does so in a way of its own. Of
each are known where on the row it lies by now, and how far off it has been lately: how far the places where it would
have had the keys were off the buttons that were pressed for them. Whoever has been off the least is likely to be
playing, and where that hand would have each key is what the next button will mean. (In control theory: multiple-model
adaptive estimation, Magill 1965, doi:10.1109/TAC.1965.1098191.)

How hands go about it is given; what is learnt is how soon to believe which (`HandBank.blame`, `prior`).

Places are in buttons, from the middle of the row. Inside, time comes first: [N, B, H] of H hands, [N, B, C] of their
C kinds of stride.
"""

import itertools
import math
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from pianogenie.keys import NO_KEY, NUM_KEYS
from pianogenie_train.operators import shrink

FORGET = 0.97
"""Of how far off a hand has been, what is remembered one note later."""
CHORD_S = 0.04
"""Notes that follow sooner are a chord to those hands that know chords."""
BEYOND = 0.4
"""Buttons: how far past the middle of the last one a place counts; at the ends of the row all further keys are one."""
_FAR = 1000.0
_SOON_BELIEVED = 4.0
"""Nats a button: what a miss counts at first."""


class Hand(NamedTuple):
    """One of the bank.

    Attributes:
        semitones: what the step to the next button stands for.
        drift: the share of the way to the middle that it goes with each note.
        yields: how far it lets a button that was out of its place move it there; 1: all the way.
        least, leap: buttons, the fewest and the most to another key.
        another: whether another key has another button to it, wherever it lies.
        walks: whether it stays within the row.
        back: the share of the way to the middle that it goes in a pause, of `pause_s` or more.
        chords: whether it plays chords a button apart.
    """

    semitones: float
    drift: float = 0.0
    yields: float = 0.0
    least: float = 0.0
    leap: float = _FAR
    another: bool = False
    walks: bool = False
    back: float = 0.0
    pause_s: float = _FAR
    chords: bool = False


def hands(num_buttons: int) -> list[Hand]:
    """The bank for a row of so many buttons."""
    found = []
    # Those that lay the buttons over the keys around the notes of late, and those that yield when they were wrong.
    for semitones in _between(1, 8.2, 16):
        for drift, yields in ((0.006, 0.1), (0.02, 0.1), (0.05, 0.1), (0.01, 0.4), (0.04, 0.4)):
            found += [Hand(semitones, drift, yields)]
        for drift in (0.03, 0.05, 0.08, 0.13, 0.22):
            found += [Hand(semitones, drift), Hand(semitones, drift, another=True)]
    # Those that walk from the button where they are.
    leaps = [*(leap for leap in (2, 3, 4.5) if leap < num_buttons), num_buttons - 0.5]
    for semitones, leap in itertools.product(_between(1, 8.2, 10), leaps):
        walker = Hand(semitones, yields=1, least=1, leap=leap, walks=True)
        found += [walker]
        found += [walker._replace(back=back, pause_s=pause) for back in (0.45, 0.85) for pause in (0.4, 0.7)]
    for semitones, leap in itertools.product(_between(1, 8.2, 8), leaps[-2:]):
        walker = Hand(semitones, yields=1, least=1, leap=leap, walks=True, chords=True)
        found += [walker, walker._replace(back=0.45, pause_s=0.5)]
    return found


class Followed(NamedTuple):
    """Where hands lie, and how far off they have been. Float [..., H] each."""

    lies: torch.Tensor
    misses: torch.Tensor


class Guess(NamedTuple):
    """What a bank makes of what it followed."""

    places: torch.Tensor  # float [..., 88]: where the keys lie for whoever is likely to be playing
    kinds: torch.Tensor  # float [..., C], adding up to 1: how likely each kind of stride is


class HandBank(nn.Module):
    """The bank for a number of buttons."""

    def __init__(self, num_buttons: int):
        super().__init__()
        bank = hands(num_buttons)
        self.num_hands, self.middle = len(bank), (num_buttons - 1) / 2
        self.edge = self.middle + BEYOND
        of_each = Hand(*(torch.tensor(values, dtype=torch.float32) for values in zip(*bank, strict=True)))
        self._keep("keeps", 1 - of_each.drift)
        self._keep("yields", of_each.yields)
        self._keep("highest", torch.where(of_each.walks > 0, self.middle, _FAR))
        self._keep("lowest", -self.highest)
        self._keep("stays", 1 - of_each.back)
        self._keep("pauses", of_each.pause_s)
        # From each key to each other, in semitones from -87 to 87: for notes apart, and for chords.
        kinds = sorted({_kind(hand) for hand in bank})
        self.num_kinds = len(kinds)
        self._keep("strides", _strides(bank))
        self._keep("kind_strides", _strides(kinds))
        self._keep("kind_of", torch.eye(len(kinds))[torch.tensor([kinds.index(_kind(hand)) for hand in bank])])
        self._keep("strides_seen", _strides([_kind(hand) for hand in bank]))
        ahead = torch.arange(NUM_KEYS) - torch.arange(NO_KEY + 1)[:, None] + NUM_KEYS - 1
        ahead[NO_KEY] = NUM_KEYS - 1  # no key before: no stride
        self._keep("ahead", ahead)
        self.blame = nn.Parameter(torch.full((len(bank),), math.log(_SOON_BELIEVED)))
        self.prior = nn.Parameter(torch.zeros(len(bank)))

    def forward(self, prev_keys: torch.Tensor, delta_times: torch.Tensor, buttons: torch.Tensor) -> Guess:
        """prev_keys int64 [N, B] (88: none), delta_times float [N, B] in seconds, buttons int64 [N, B] -> what is
        guessed before each of those buttons is pressed."""
        lies, misses = self.follow(prev_keys, delta_times, buttons)
        weights = self.believed(misses)
        kinds = weights @ self.kind_of
        chord = (delta_times < CHORD_S)[..., None]
        strides = torch.where(chord, kinds @ self.kind_strides[1].T, kinds @ self.kind_strides[0].T)
        places = (weights * lies).sum(-1, keepdim=True) + strides.gather(-1, F.embedding(prev_keys, self.ahead))
        return Guess(places.clamp(-self.edge, self.edge), kinds)

    @torch.no_grad()
    def follow(self, prev_keys: torch.Tensor, delta_times: torch.Tensor, buttons: torch.Tensor) -> Followed:
        """As `forward` -> how things stand before each button, [N, B, H]: one note after the other, for hands that stop
        at the ends of the row are no linear recurrence."""
        apart = (prev_keys[1:] - prev_keys[:-1] + NUM_KEYS - 1).clamp(max=2 * NUM_KEYS - 2)  # the first is none's
        chord = (delta_times < CHORD_S).long()
        pressed = buttons.to(torch.float32)[..., None] - self.middle
        now = Followed(
            *(prev_keys.new_zeros(prev_keys.shape[1], self.num_hands, dtype=torch.float32) for _ in range(2))
        )
        found = [now]
        for n in range(1, len(prev_keys)):
            if n == 1:
                strides = seen = torch.zeros_like(now.lies)
            else:
                strides, seen = (every[chord[n - 1], apart[n - 1]] for every in (self.strides, self.strides_seen))
            now = self.after(now, strides, seen, pressed[n - 1])
            now = now._replace(lies=self.rested(now.lies, delta_times[n][:, None]))
            found.append(now)
        return Followed(*(torch.stack(every) for every in zip(*found, strict=True)))

    def after(self, before: Followed, strides: torch.Tensor, seen: torch.Tensor, pressed: torch.Tensor) -> Followed:
        """One note on. `strides` float [..., H] is how far from the key before it that note's key lies, and `seen` the
        same with another button for another key, of hands that see to that; `pressed` float [..., 1] is its button."""
        place = torch.minimum(torch.maximum(before.lies + strides, self.lowest), self.highest)
        off = shrink(pressed - (before.lies + seen).clamp(-self.edge, self.edge))
        return Followed(self.keeps * place + self.yields * off, FORGET * before.misses + off.abs())

    def rested(self, lies: torch.Tensor, waited: torch.Tensor) -> torch.Tensor:
        """Where hands lie that lay at `lies` float [..., H], `waited` float [..., 1] seconds later."""
        return lies * torch.where(waited >= self.pauses, self.stays, 1.0)

    def believed(self, misses: torch.Tensor) -> torch.Tensor:
        """How likely each hand is by now: float [..., H], adding up to 1."""
        return torch.softmax(self.prior - torch.exp(self.blame) * misses, dim=-1)

    def _keep(self, name: str, tensor: torch.Tensor) -> None:
        self.register_buffer(name, tensor, persistent=False)


def _between(first: float, last: float, count: int) -> list[float]:
    return np.geomspace(first, last, count).tolist()


def _kind(hand: Hand) -> Hand:
    """A hand that has nothing but the stride of another."""
    least = 1.0 if hand.another else hand.least
    return Hand(hand.semitones, least=least, leap=hand.leap, chords=hand.chords)


def _strides(bank: list[Hand]) -> torch.Tensor:
    """How many buttons it is to a key 87 semitones below, ... to one 87 above: of notes apart, and in a chord; float
    [2, 175, H]."""
    semitones, least, leap, chords = (
        torch.tensor([getattr(hand, name) for hand in bank], dtype=torch.float32)
        for name in ("semitones", "least", "leap", "chords")
    )
    distance = torch.arange(1.0 - NUM_KEYS, NUM_KEYS)[:, None]
    apart = distance.sign() * torch.minimum(torch.maximum(distance.abs() / semitones, least), leap)
    return torch.stack([apart, torch.where(chords > 0, distance.sign(), apart)])
