"""Fewer pixels: the image made smaller and larger again."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import torch

from harness.api import Task
from harness_shifts.rows import WeightedRows, turned
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
    height, width = (_Coarse.of(size, max(1, int(size * share))) for size in inputs.shape[-2:])
    small = turned(width.means.of(turned(height.means.of(inputs))))
    back = [one.back.to(inputs.device) for one in (height, width)]
    wide = turned(turned(small).index_select(-2, back[1]))
    return wide.index_select(-2, back[0]).clamp_(task.low, task.high)


@dataclass(frozen=True, eq=False)
class _Coarse:
    """The means of groups of rows, and of which group each row is."""

    means: WeightedRows
    back: torch.Tensor

    @classmethod
    @lru_cache(maxsize=32)
    def of(cls, size: int, count: int) -> _Coarse:
        """Cut `size` rows into `count` groups."""
        scale = size / count
        first = torch.tensor([int(i * scale + 0.5) for i in range(count)])
        last = torch.tensor([int((i + 1) * scale + 0.5) for i in range(count)]).clamp_(max=size)
        index = first[:, None] + torch.arange(int((last - first).max()))
        inside = index < last[:, None]
        weight = inside / (last - first)[:, None]
        back = torch.tensor([math.floor((i + 0.5) / scale) for i in range(size)])
        return cls(WeightedRows(index.clamp_(max=size - 1), weight), back.clamp_(max=count - 1))
