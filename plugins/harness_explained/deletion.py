"""Insertion and deletion: how an answer falls as the parts said to matter most are taken away, and rises as they are put in.

Petsiuk, Das & Saenko 2018, "RISE: Randomized input sampling for explanation of black-box models", section 4.2, arXiv:1806.07421.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor


def rank_parts(attributions: Tensor, ties: Tensor) -> Tensor:
    """Return the places of parts, the largest first ``(batch, parts)``; equal ones come in the order of `ties`.

    attributions: ``(batch, parts)``. ties: an order of the parts of each example, of the same shape.
    """
    shuffled = attributions.gather(1, ties)
    return ties.gather(1, shuffled.argsort(dim=1, descending=True, stable=True))


def part_counts(parts: int, points: int) -> list[int]:
    """Return how many parts are taken at each point of a curve, from none to all, at about equal distances."""
    return sorted({round(share * parts) for share in np.linspace(0, 1, points).tolist()})


def curve(
    probability: Callable[[Tensor], Tensor],
    given: Tensor,
    taken: Tensor,
    order: Tensor,
    shape: Sequence[int],
    counts: Sequence[int],
) -> Tensor:
    """Return the probability of the class as the first parts of an order are replaced ``(batch, counts)``.

    given, taken: inputs ``(batch, *input_shape)`` before and after all parts are replaced. order: ``(batch, parts)``.
    shape: of the parts as they lie in an example, with 1 for the channels, such as ``(1, height, width)``.
    """
    rank = torch.empty_like(order)
    places = torch.arange(order.shape[1], device=order.device).expand_as(order)
    rank.scatter_(1, order, places)
    rank = rank.view(-1, *shape)
    return torch.stack(
        [probability(torch.where(rank < count, taken, given)) for count in counts], 1
    )


def area(values: Tensor, counts: Sequence[int]) -> Tensor:
    """Return the area under curves ``(batch, counts)`` over the share of parts, by trapezoids ``(batch,)``."""
    shares = torch.tensor(counts, dtype=torch.float64) / counts[-1]
    return torch.trapezoid(values.double().cpu(), shares, dim=1)
