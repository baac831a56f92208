"""How the order of tokens shows to attention, which by itself does not see it."""

from __future__ import annotations

import torch
from torch import Tensor, nn

BASE = 10_000.0  # of the wave lengths, from 2 pi to 2 pi 10,000
POSITION_STD = 0.5  # where learnt ones start about as large as what they are added to


class AddedPositions(nn.Module):
    """A vector for each place, added to the token there: learnt, or of sines and cosines."""

    table: Tensor  # (1, steps, dim)

    def __init__(self, steps: int, dim: int, *, learnt: bool) -> None:
        """Build for so many steps; those that are learnt are yet to be drawn."""
        super().__init__()
        if learnt:
            self.table = nn.Parameter(torch.zeros(1, steps, dim))
        else:
            self.register_buffer("table", sinusoids(steps, dim)[None])

    def forward(self, tokens: Tensor, first: int = 0) -> Tensor:
        """Return tokens ``(batch, tokens, dim)`` of the places from `first` with their positions added."""
        return tokens + self.table[:, first : first + tokens.shape[1]]


def sinusoids(steps: int, dim: int) -> Tensor:
    """Return ``(steps, dim)``: at 2 i the sine and at 2 i + 1 the cosine of ``step / 10000^(2 i / dim)``.

    Vaswani et al. 2017, "Attention is all you need", section 3.5.
    """
    angles = _angles(torch.arange(steps), dim + dim % 2)
    return torch.stack([angles.sin(), angles.cos()], 2).flatten(1)[:, :dim]


def rotate(heads: Tensor, first: int) -> Tensor:
    """Turn queries or keys ``(batch, heads, tokens, head_size)`` of the places from `first`, pair by pair.

    Products of a query and a key then depend on how far apart they are alone: Su et al. 2021, "RoFormer", arXiv:2104.09864,
    equation 34. The size of a head is even.
    """
    places = torch.arange(first, first + heads.shape[2], device=heads.device)
    angles = _angles(places, heads.shape[3])
    cosines, sines = angles.cos().to(heads.dtype), angles.sin().to(heads.dtype)
    even, odd = heads[..., 0::2], heads[..., 1::2]
    turned = [even * cosines - odd * sines, even * sines + odd * cosines]
    return torch.stack(turned, -1).flatten(-2)


def _angles(places: Tensor, dim: int) -> Tensor:
    """Return ``(places, dim / 2)``, in radians."""
    rates = BASE ** (-torch.arange(0, dim, 2, device=places.device) / dim)
    return torch.outer(places.float(), rates)
