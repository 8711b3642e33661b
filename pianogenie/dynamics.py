"""Who says how loud a note is: the device, the model, or nobody."""

from dataclasses import dataclass

DEFAULT_VELOCITY = 84
"""For presses without a velocity, where the model has no opinion either: a firm mezzo-forte."""


@dataclass(frozen=True)
class Dynamics:
    """Which sources of velocity are listened to, in this order: the device's, the model's, `fixed` (1..127)."""

    device: bool = True
    model: bool = True
    fixed: int = DEFAULT_VELOCITY

    def __str__(self) -> str:
        if self.device:
            return "first of input, genie" if self.model else "input"
        return "genie" if self.model else f"fixed:{self.fixed}"


def parse_dynamics(text: str | None) -> Dynamics:
    """`input`, `genie`, `fixed:N`, or None for the first that there is, press by press.

    `input` takes the device's velocity and, from a device without one, the constant; `genie` takes the model's
    whatever the device says, and the constant from a model without one. Raises ValueError.
    """
    if text is None:
        return Dynamics()
    if text == "input":
        return Dynamics(model=False)
    if text == "genie":
        return Dynamics(device=False)
    word, _, number = text.partition(":")
    if word == "fixed" and number.isascii() and number.isdigit() and 1 <= int(number[:4]) <= 127:
        return Dynamics(device=False, model=False, fixed=int(number))
    raise ValueError(f'"{text}" is none of input, genie, fixed:N (N in 1..127)')
