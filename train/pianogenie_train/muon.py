"""The optimiser Muon: matrices turn at one speed in all directions, everything else goes by AdamW.

A step of Muon is the gradient's running mean with all its singular values made about equal, so that what is seldom
asked for is learnt as soon as what every note asks for.

Sources: Jordan et al. 2024, "Muon: An optimizer for hidden layers in neural networks" (the momentum, and the
polynomial); Liu et al. 2025, "Muon is scalable for LLM training" (one rate for both: an update is scaled to about the
size of Adam's). torch has one of its own, which works in bf16; on a processor without that it takes twenty times as
long.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import torch

from pianogenie_train import ranks

MOMENTUM = 0.95
SIZE = 0.3
"""Root of the mean square of an update whose rate is 1. Adam's is usually 0.2; a little more learns more here."""
_POLYNOMIAL = (3.4445, -4.7750, 2.0315)
_TURNS = 5


class Muon(torch.optim.AdamW):
    """AdamW, but for some matrices.

    The matrices of a step are shared out among the processes of a training, since their turning takes a tenth of a
    step; all processes must have the same gradients.

    Args:
        matrices: float [rows, columns] each, and how many maps of one size lie one above the other in it; each map is
            turned by itself.
        others: groups of the other parameters, as AdamW takes them.
        settings: AdamW's. The rate and the weight decay are the matrices' too.
    """

    def __init__(
        self, matrices: Iterable[tuple[torch.nn.Parameter, int]], others: Iterable[dict[str, Any]], **settings: Any
    ):
        weights, maps = zip(*matrices, strict=True)
        super().__init__([{"params": list(weights), "maps": list(maps)}, *others], **settings)

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        """One step. The matrices' gradients are gone after it."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        group = self.param_groups[0]
        for matrix, update in zip(group["params"], self._updates(**group), strict=True):
            matrix.mul_(1 - group["lr"] * group["weight_decay"])
            matrix.add_(update, alpha=-group["lr"])
            matrix.grad = None  # AdamW leaves alone what has none
        super().step()
        return loss

    def _updates(self, params: list[torch.Tensor], maps: list[int], **_settings: Any) -> Iterator[torch.Tensor]:
        """Of each matrix; each process works out some of them and hears of the rest."""
        updates = torch.zeros(sum(matrix.numel() for matrix in params), device=params[0].device)
        places = updates.split([matrix.numel() for matrix in params])
        ours = 0
        for matrix, count, place in zip(params, maps, places, strict=True):
            if not self.state[matrix]:  # a step is what AdamW asks for when a state is loaded
                self.state[matrix] = {"mean": torch.zeros_like(matrix), "step": torch.zeros(())}
            mean = self.state[matrix]["mean"]
            mean.lerp_(matrix.grad, 1 - MOMENTUM)
            ahead = matrix.grad.lerp(mean, MOMENTUM)
            for part, to in zip(ahead.chunk(count), place.view_as(matrix).chunk(count), strict=True):
                if ours % ranks.world() == ranks.rank():
                    to.copy_(evened(part)).mul_(SIZE * max(part.shape) ** 0.5)
                ours += 1
        ranks.add_up(updates)
        return (place.view_as(matrix) for matrix, place in zip(params, places, strict=True))


def evened(matrix: torch.Tensor) -> torch.Tensor:
    """float [rows, columns] -> the same with its singular values between 0.7 and 1.2, but those that are next to 0."""
    tall = matrix.shape[0] > matrix.shape[1]
    x = matrix.T if tall else matrix
    x = x / (x.norm() + 1e-7)
    a, b, c = _POLYNOMIAL
    for _ in range(_TURNS):
        squared = x @ x.T
        x = a * x + torch.addmm(squared, squared, squared, beta=b, alpha=c) @ x
    return x.T if tall else x
