"""A run's learning curves, out of its TensorBoard log."""

import math
from dataclasses import dataclass, field
from pathlib import Path

from tensorboard.backend.event_processing.event_accumulator import SCALARS, EventAccumulator

from pianogenie_train.hushed import hushed

Curve = list[tuple[int, float]]
"""Steps, rising, and what was measured there."""

_SMOOTHING = 0.9


@dataclass(frozen=True)
class Curves:
    """Perplexities on the way: of batches, smoothed, and of validation."""

    train: Curve = field(default_factory=list)
    validation: Curve = field(default_factory=list)


def read(run: Path) -> Curves:
    """The curves of a run folder; empty ones where it has no log."""
    log = run / "log"
    if not log.is_dir():
        return Curves()
    with hushed("tensorboard"):
        events = EventAccumulator(str(log), size_guidance={SCALARS: 0})
        events.Reload()
    known = events.Tags()["scalars"]

    def curve(tag: str) -> Curve:
        # A run that was killed and went on has been at some steps twice: the later time counts.
        values = {event.step: event.value for event in (events.Scalars(tag) if tag in known else [])}
        return sorted((step, value) for step, value in values.items() if math.isfinite(value) and value > 0)

    return Curves(_smoothed(curve("train/ppl")), curve("val/ppl"))


def _smoothed(curve: Curve) -> Curve:
    """A moving mean of the logarithm, which is what a perplexity is made of."""
    smooth, found = None, []
    for step, value in curve:
        smooth = math.log(value) if smooth is None else _SMOOTHING * smooth + (1 - _SMOOTHING) * math.log(value)
        found.append((step, math.exp(smooth)))
    return found
