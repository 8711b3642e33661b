"""A memory of what followed what: a small matrix that each note writes to and the next one reads from.

Music comes back to what it did. So with each note goes into the matrix, under how things stood before it, how they
stand now that it is known; and whoever comes to a place that is like an earlier one reads there what followed then.
Its size is fixed, and what is old fades. (Fast weights: Schmidhuber 1992, doi:10.1162/neco.1992.4.1.131. As attention
without a softmax, which gives the sum over a window at once: Katharopoulos et al. 2020, "Transformers are RNNs"; with a
decay: Sun et al. 2023, "Retentive Network". That an address is of the moment before is Olsson et al. 2022, "In-context
learning and induction heads".)

Inside, time comes first: [N, B, H, 1, D] of H heads, each a matrix [ADDRESS, CONTENT] of its own that rows [1, D] are
multiplied with.
"""

import torch
import torch.nn.functional as F
from torch import nn

from pianogenie_train.recurrence import long_and_short

ADDRESS, CONTENT = 24, 24
"""How many numbers say where in a head's matrix, and what stands there."""
EXPORTED_AS = "pianogenie::FastWeights"
"""What an exported graph calls `recall` until graphs.py has replaced it."""
_SHORTEST, _LONGEST = 8.0, 150.0
"""Notes: how long the first head and the last remember, at the start of training."""
_SPAN = 256
"""Notes that are worked out at once: their number squared is what that takes of memory."""


class FastWeights(nn.Module):
    """`heads` memories for a block of `dim` channels: its normalised input float [N, B, dim] -> what comes to mind,
    float [N, B, width].

    Attributes:
        width: numbers that are read from all heads together.
        kept: how many numbers are kept from note to note: the matrices, and where the next note will write in them.
    """

    def __init__(self, dim: int, heads: int):
        super().__init__()
        self.heads, self.width = heads, heads * CONTENT
        self.kept = [heads * ADDRESS * CONTENT, heads * ADDRESS]
        self.into = nn.Linear(dim, heads * (2 * ADDRESS + CONTENT))
        self.fades = nn.Parameter(long_and_short(heads, _SHORTEST, _LONGEST))
        # Of a norm, which makes rows of mean 0 and length 1.
        self.register_buffer("scale", torch.full((ADDRESS,), ADDRESS**-0.5), persistent=False)

    def decay(self) -> torch.Tensor:
        """What is left one note later, float [H, 1, 1]."""
        return torch.sigmoid(self.fades)[:, None, None]

    def read(self, normed: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """normed float [..., dim] -> where to read and where the next note will write, rows float [..., H, 1, ADDRESS]
        of length 1; what is written now, rows [..., H, 1, CONTENT]."""
        sizes = [2 * self.heads * ADDRESS, self.width]
        addresses, content = self.into(normed).split(sizes, dim=-1)
        addresses = F.layer_norm(addresses.unflatten(-1, (2 * self.heads, 1, ADDRESS)), (ADDRESS,), self.scale)
        asked, next_written = addresses.split(self.heads, dim=-3)
        return asked, next_written, content.unflatten(-1, (self.heads, 1, CONTENT))

    def forward(self, normed: torch.Tensor) -> torch.Tensor:
        """Whole windows, from empty matrices."""
        asked, next_written, content = self.read(normed)
        written = torch.cat([torch.zeros_like(next_written[:1]), next_written[:-1]])
        return recall(asked, written, content, self.decay()).flatten(-3)

    def step(
        self, normed: torch.Tensor, matrix: torch.Tensor, written: torch.Tensor, decay: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """One note: normed float [B, dim], what was `kept`, float [B, n] each, and `decay`'s [H, 1, 1] -> what comes to
        mind, float [B, width], and what is kept now."""
        asked, next_written, content = self.read(normed)
        put = written.view(-1, self.heads, ADDRESS, 1) * content
        matrix = decay * matrix.view(-1, self.heads, ADDRESS, CONTENT) + put
        return (asked @ matrix).flatten(1), matrix.flatten(1), next_written.flatten(1)


def recall(asked: torch.Tensor, written: torch.Tensor, content: torch.Tensor, decay: torch.Tensor) -> torch.Tensor:
    """What stands where is `asked` [N, B, H, 1, A], once `content` [N, B, H, 1, C] has been added where it is `written`
    [N, B, H, 1, A], and all before it has faded by `decay` [H, 1, 1]: float [N, B, H, 1, C], from empty matrices."""
    if torch.compiler.is_exporting():  # a loop of unknown length; graphs.py spells it out in ONNX's own operators
        given = asked, written.transpose(-1, -2), content, decay
        return torch.onnx.ops.symbolic(EXPORTED_AS, given, dtype=content.dtype, shape=content.shape, version=1)
    asked, written, content = (rows[..., 0, :].permute(1, 2, 0, 3) for rows in (asked, written, content))
    matrix, found = None, []
    for at in range(0, content.shape[2], _SPAN):
        q, k, v = (rows[:, :, at : at + _SPAN] for rows in (asked, written, content))
        ago = torch.arange(v.shape[2], device=v.device, dtype=v.dtype)
        since = ago[:, None] - ago
        faded = torch.where(since >= 0, decay ** since.clamp(min=0), 0.0)
        heard = (q @ k.transpose(-1, -2) * faded) @ v
        if matrix is not None:
            heard = heard + decay ** (ago[:, None] + 1) * (q @ matrix)
        found.append(heard)
        if at + _SPAN < content.shape[2]:  # else nobody reads it
            put = (k * decay ** ago.flip(0)[:, None]).transpose(-1, -2) @ v
            matrix = put if matrix is None else decay ** len(ago) * matrix + put
    return torch.cat(found, dim=2).permute(2, 0, 1, 3)[..., None, :]
