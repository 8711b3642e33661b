"""The code of our own network: the buttons share out, evenly, what may come next.

At each press every key is expected with some weight. Seen from the button before, those above it share out the keys
above the one that was played, and those below the keys below, so that each gets about as much weight as the others.
Whatever is played then, its button says as much of it as a button can, and the row goes up and down as the keyboard
does. To that end each key has a place on the row, in buttons, and its button is the one that this is nearest to. (So an
arithmetic coder shares out the numbers from 0 to 1 among the symbols that may come; here they share out the buttons.)

Whose weights they are is the network's business (gated.py).
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F

from pianogenie.keys import NO_KEY, NUM_KEYS

STEP = 0.25
"""Buttons: how far the nearest of the other keys is from the button before. Under a half, so that a small part of them
shares it, which is worth 0.05 nats a note."""
NOWHERE = -0.5 - STEP
"""Where the hand is before the first press: all keys are above it, and all buttons."""
EXPORTED_AS = "pianogenie::Coding"
"""What an exported graph calls `code` until graphs.py has replaced it."""

LEAST = 1e-6
"""Weight that every key has besides, so that there is always something to share out, and from which on it counts."""


class Spread(NamedTuple):
    """How far up or down the row keys lie from the button before: 0 there, 1 at its end. Float [..., n] each."""

    up: torch.Tensor
    down: torch.Tensor
    ways: torch.Tensor  # STEP for keys above the one before, -STEP for those below, 0 for itself

    def of(self, keys: torch.Tensor) -> "Spread":
        """Of the `keys` int64 [...] alone: float [...] each."""
        return Spread(*(every.gather(-1, keys[..., None])[..., 0] for every in self))

    def places(self, here: torch.Tensor, num_buttons: int) -> torch.Tensor:
        """Where they lie, in buttons, -0.5 to K - 0.5; `here` float is the button before, or NOWHERE."""
        above, under = room(here, num_buttons)
        return here + self.ways + self.up * above - self.down * under


def room(here: torch.Tensor, num_buttons: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Buttons between those nearest to `here` and the upper end of the row, and its lower end."""
    return num_buttons - 0.5 - STEP - here, here + 0.5 - STEP


def spread(weights: torch.Tensor, prev_keys: torch.Tensor, ways: torch.Tensor) -> Spread:
    """Of all keys by their weights float [..., 88], adding up to 1, around the key before int64 [...] (88: none).

    `ways` is `ways_table`, float [89, 88], which is not made for each batch anew.
    """
    weights = weights + 2 * LEAST  # half of a key's own is no less than LEAST
    # From both ends, so that small shares of what is left above or below are exact.
    up_to = F.pad(weights.cumsum(-1), (1, 0))
    onward = F.pad(weights.flip(-1).cumsum(-1).flip(-1), (0, 1))
    key = prev_keys[..., None]
    below, above = up_to.gather(-1, key % NO_KEY), onward.gather(-1, (key + 1) % (NO_KEY + 1))
    up = torch.relu(1 - (onward[..., 1:] + weights / 2) / above.clamp(min=LEAST))
    down = torch.relu(1 - (up_to[..., :-1] + weights / 2) / below.clamp(min=LEAST))
    return Spread(up, down, F.embedding(prev_keys, ways))


def ways_table() -> torch.Tensor:
    """`Spread.ways` after each key, and none (above which all lie): float [89, 88]."""
    before = torch.arange(NUM_KEYS + 1)
    before[NO_KEY] = -1
    return STEP * (torch.arange(NUM_KEYS) - before[:, None]).sign().to(torch.float32)


def code(own: Spread, num_buttons: int) -> torch.Tensor:
    """Notes one after another, each seen from the button of the one before -> their buttons, int64 [N, B].

    `own` holds each note's key alone, float [N, B].
    """
    if torch.compiler.is_exporting():  # a loop of unknown length; graphs.py spells it out in ONNX's own operators
        return torch.onnx.ops.symbolic(
            EXPORTED_AS,
            tuple(own),
            attrs={"num_buttons": num_buttons},
            dtype=torch.int64,
            shape=own.up.shape,
            version=1,
        )
    here, found = torch.full_like(own.up[0], NOWHERE), []
    for note in zip(*own, strict=True):
        # floor(x + 0.5), not round(): halves go up, as in the exported graph on every runtime.
        here = torch.floor(Spread(*note).places(here, num_buttons) + 0.5).clamp(0, num_buttons - 1)
        found.append(here)
    # Expectations that are no numbers give no place; that they are none is told by what is made of them.
    return torch.stack(found).nan_to_num().to(torch.int64)
