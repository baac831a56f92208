"""Zoom blur: the image and itself, ever larger, averaged."""

from __future__ import annotations

import math
from functools import lru_cache

import torch

from harness.api import Task
from harness_shifts.pixels import from_unit, shorter_side, to_unit
from harness_shifts.rows import WeightedRows, turned
from harness_shifts.severity import at_side

# How many zooms, the first of which is none, and how much each adds: as many as numpy.arange gives in the
# published scripts, whose ends are at times among them by rounding (1 to 1.06 has seven).
ZOOMS_AND_STEP = {
    32: ((7, 0.01), (12, 0.01), (16, 0.01), (21, 0.01), (26, 0.01)),
    64: ((7, 0.01), (12, 0.01), (16, 0.01), (21, 0.01), (26, 0.01)),
    224: ((12, 0.01), (16, 0.01), (11, 0.02), (13, 0.02), (11, 0.03)),
}
AT_ONCE = 1 << 18  # values of images, as all their zooms are kept at once


def apply(inputs: torch.Tensor, severity: int, task: Task) -> torch.Tensor:
    """Return the mean of the image and of its zooms about the centre; a zoom of 1 is one of them.

    inputs: ``(batch, channels, height, width)`` in [task.low, task.high].

    Source: Hendrycks & Dietterich 2019.
    """
    zooms, step = at_side(ZOOMS_AND_STEP, severity, shorter_side(inputs))
    images = to_unit(inputs, task)
    # numpy.arange's own values: 1.25 is a bit more there, and 26 pixels become 33, not 32.
    factors = tuple(1 + zoom * ((1 + step) - 1) for zoom in range(1, zooms))
    total = _sum_of_zooms(images, factors).add_(images, alpha=2)
    return from_unit(total.div_(zooms + 1), task)


def zoomed(images: torch.Tensor, factor: float) -> torch.Tensor:
    """Enlarge the middle of ``(batch, channels, height, width)`` to the same size, bilinearly.

    Pixels are taken as points: the corner pixels of the cut lie on those of what it becomes.
    """
    return _sum_of_zooms(images, (factor,))


def _sum_of_zooms(images: torch.Tensor, factors: tuple[float, ...]) -> torch.Tensor:
    """Return the sum of an image's zooms: of each the rows are made, and of all of them together the columns."""
    height, width = images.shape[-2:]
    once = max(1, AT_ONCE // images[0].numel())
    return torch.cat([_zooms(some, factors, height, width) for some in torch.split(images, once)])


def _zooms(
    images: torch.Tensor, factors: tuple[float, ...], height: int, width: int
) -> torch.Tensor:
    rows = _between(height, factors, summed=False).of(images)
    stretched = turned(rows.view(*images.shape[:2], len(factors), height, width))
    return turned(_between(width, factors, summed=True).of(stretched.flatten(2, 3)))


@lru_cache(maxsize=128)
def _between(size: int, factors: tuple[float, ...], summed: bool) -> WeightedRows:
    """Return the rows of an image's zooms, one zoom below the other.

    summed: the sum of the zooms' rows instead, each zoom from an image of its own, one below the other.
    """
    rows = torch.arange(size, dtype=torch.float64)
    index, weight = [], []
    for zoom, factor in enumerate(factors):
        cut = math.ceil(size / factor)
        large = round(cut * factor)
        place = (rows + (large - size) // 2) * ((cut - 1) / max(large - 1, 1))
        before = place.floor().clamp(max=max(cut - 2, 0))
        share = place - before
        start = zoom * size if summed else 0
        first = before.long() + (size - cut) // 2 + start
        index.append(torch.stack([first, (first + 1).clamp(max=start + size - 1)], 1))
        weight.append(torch.stack([1 - share, share], 1))
    parts = 1 if summed else 0
    return WeightedRows(torch.cat(index, parts), torch.cat(weight, parts).float())
