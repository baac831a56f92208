"""Random directions in many dimensions, by draws that belong to the example, at the price of few of them."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from harness.api import Draws

FRESH = 32  # directions whose coordinates all have draws of their own
FRESH_NUMBERS = 1 << 16  # or as many as this gives, where there are few coordinates
BLOCK = 32  # directions that are made at once
BITS = 24  # signs from one draw: the bits of a float32 on [0, 1)


def fresh_directions(size: int) -> int:
    """Return how many directions of so many coordinates have draws of their own at most."""
    return max(FRESH, FRESH_NUMBERS // size)


def unit_directions(
    draws: Draws, count: int, size: int, norm: str, dtype: torch.dtype
) -> Iterator[Tensor]:
    """Yield blocks ``(batch, some, size)``, `count` directions for each example, of L2 norm 1.

    Normal coordinates in L2, uniform on [-1, 1] in Linf, before they are divided by their norm. The first ones are drawn
    coordinate by coordinate. The others take over the magnitudes of one of those with signs of their own, of which a
    draw has 24: they are uncorrelated with it and as isotropic but for the fixed magnitudes, which the next call
    draws anew. Drawing all of them would cost as much as a small network's forward pass.
    """
    fresh = min(count, fresh_directions(size))
    if norm == "l2":
        first = draws.normal("coordinates", (fresh, size)).to(dtype)
    else:
        first = draws.uniform("coordinates", (fresh, size)).to(dtype).mul_(2.0).sub_(1.0)
    first /= torch.linalg.vector_norm(first, dim=2, keepdim=True).clamp_min(1e-30)
    yield from torch.split(first, BLOCK, 1)
    for begin in range(fresh, count, BLOCK):
        some = min(BLOCK, count - begin)
        places = torch.arange(begin, begin + some, device=first.device) % fresh
        yield first[:, places] * _signs(draws, f"signs from {begin}", some, size).to(dtype)


def _signs(draws: Draws, stream: str, count: int, size: int) -> Tensor:
    """Return -1 or 1, int8 ``(batch, count, size)``."""
    drawn = draws.uniform(stream, (count, -(-size // BITS)))
    words = (drawn * 2.0**BITS).to(torch.int32)[..., None]
    bits = (words >> torch.arange(BITS, dtype=torch.int32, device=words.device)) & 1
    return bits.to(torch.int8).mul_(2).sub_(1).flatten(2)[..., :size]
