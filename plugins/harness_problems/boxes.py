"""Boxes (left, top, right, bottom) in pixels: how far two of them overlap, and which of many that overlap are kept."""

from __future__ import annotations

import torch
from torch import Tensor

_LEAST = 1e-9  # of an area that is divided by


def area(boxes: Tensor) -> Tensor:
    """Return the areas of boxes ``(..., 4)``: ``(...,)``."""
    return (boxes[..., 2] - boxes[..., 0]) * (boxes[..., 3] - boxes[..., 1])


def intersection(one: Tensor, other: Tensor) -> Tensor:
    """Return the area that boxes ``(..., 4)`` have in common, ``(...,)``; their leading dimensions are spread."""
    low = torch.maximum(one[..., :2], other[..., :2])
    high = torch.minimum(one[..., 2:], other[..., 2:])
    sides = (high - low).clamp_min(0)
    return sides[..., 0] * sides[..., 1]


def overlap(one: Tensor, other: Tensor) -> Tensor:
    """Return intersection over union of boxes ``(..., 4)``, ``(...,)``; their leading dimensions are spread."""
    both = intersection(one, other)
    return both / (area(one) + area(other) - both).clamp_min(_LEAST)


def generalized_overlap(one: Tensor, other: Tensor) -> Tensor:
    """Return the generalized IoU of boxes ``(..., 4)``, from -1 to 1: IoU less the share of the hull that neither covers.

    Rezatofighi et al. 2019, arXiv:1902.09630, algorithm 1.
    """
    both = intersection(one, other)
    union = area(one) + area(other) - both
    low = torch.minimum(one[..., :2], other[..., :2])
    high = torch.maximum(one[..., 2:], other[..., 2:])
    hull = area(torch.cat([low, high], -1)).clamp_min(_LEAST)
    return both / union.clamp_min(_LEAST) - (hull - union) / hull


def suppress(boxes: Tensor, scores: Tensor, classes: Tensor, most: int, threshold: float) -> Tensor:
    """Return the places of the boxes that greedy non-maximum suppression keeps, the best first: ``(batch, most)``, then -1.

    The best of those that are left is kept, and those of its class whose IoU with it is larger than the threshold are dropped,
    until none is left. One whose score is 0 is never kept; of equal scores the first is the better.

    boxes: ``(batch, candidates, 4)``. scores, classes: ``(batch, candidates)``.
    """
    left = scores.nan_to_num(0.0).clone()
    rows = torch.arange(len(boxes), device=boxes.device)
    kept = torch.full((len(boxes), most), -1, dtype=torch.int64, device=boxes.device)
    for turn in range(most if boxes.shape[1] else 0):
        best, place = left.max(1)
        there = best > 0
        if not bool(there.any()):
            break
        kept[:, turn] = torch.where(there, place, -1)
        like = overlap(boxes, boxes[rows, place][:, None]) > threshold
        like &= classes == classes[rows, place][:, None]
        left = left.masked_fill(like, 0.0)
        left[rows, place] = 0.0  # whose box may be empty, and not like itself
    return kept
