"""Fewer pixels: the image made smaller and larger again."""

from __future__ import annotations

import math

import torch

from harness.api import Task
from harness_shifts.severity import at_side

SHARE = {
    32: (0.95, 0.9, 0.85, 0.75, 0.65),
    64: (0.9, 0.8, 0.7, 0.6, 0.5),
    224: (0.6, 0.5, 0.4, 0.3, 0.25),
}


def apply(inputs: torch.Tensor, severity: int, task: Task) -> torch.Tensor:
    """Return the image with its sides at a share of their length, and then at their length again.

    Both times as Pillow does with BOX: a small pixel is the mean of the large ones whose centres lie in it,
    and a large one is that small one which its centre lies in. (Pillow rounds to 8 bits in between.)

    inputs: ``(batch, channels, height, width)`` in [task.low, task.high].

    Source: Hendrycks & Dietterich 2019.
    """
    share = at_side(SHARE, severity, min(inputs.shape[-2:]))
    for dim in (3, 2):
        inputs = _coarse(inputs, dim, max(1, int(inputs.shape[dim] * share)))
    return inputs.clamp(task.low, task.high)


def _coarse(images: torch.Tensor, dim: int, count: int) -> torch.Tensor:
    """Replace pixels along a dimension by the means of `count` groups of them."""
    size = images.shape[dim]
    scale = size / count
    first = torch.tensor([int(i * scale + 0.5) for i in range(count)])
    last = torch.tensor([int((i + 1) * scale + 0.5) for i in range(count)]).clamp_(max=size)
    shape = [-1 if d == dim else 1 for d in range(images.dim())]
    total = torch.zeros_like(images.index_select(dim, first.to(images.device)))
    for offset in range(int((last - first).max())):
        inside = (first + offset < last).to(images.device, images.dtype).view(shape)
        one = (first + offset).clamp_(max=size - 1).to(images.device)
        total += images.index_select(dim, one) * inside
    means = total / (last - first).to(images.device).view(shape)
    back = torch.tensor([math.floor((i + 0.5) / scale) for i in range(size)])
    return means.index_select(dim, back.clamp_(max=count - 1).to(images.device))
