"""Zoom blur: the image and itself, ever larger, averaged."""

from __future__ import annotations

import math
import warnings
from functools import lru_cache

import torch

from harness.api import Task
from harness_shifts.pixels import as_unit, from_unit, shorter_side
from harness_shifts.rows import WeightedRows, turned
from harness_shifts.severity import at_side

# How many zooms, the first of which is none, and how much each adds: as many as numpy.arange gives in the
# published scripts, whose ends are at times among them by rounding (1 to 1.06 has seven).
ZOOMS_AND_STEP = {
    32: ((7, 0.01), (12, 0.01), (16, 0.01), (21, 0.01), (26, 0.01)),
    64: ((7, 0.01), (12, 0.01), (16, 0.01), (21, 0.01), (26, 0.01)),
    224: ((12, 0.01), (16, 0.01), (11, 0.02), (13, 0.02), (11, 0.03)),
}
ALL_IN_ONE = (
    1 << 16
)  # pixels of an image up to which all its zooms are one product; of 256 x 256 it takes 12 MiB
AT_ONCE = 1 << 18  # values of larger images, as all their zooms are kept at once


def apply(inputs: torch.Tensor, severity: int, task: Task) -> torch.Tensor:
    """Return the mean of the image and of its zooms about the centre; a zoom of 1 is one of them.

    Zooms are rounded to whole pixels as in the published scripts, so small ones of a small image are none: nothing changes
    at severity 1 where no side has more than 8 pixels (1.06 times 8 is 8.48), at 2 and 3 where none has more than 4 and 3.

    inputs: ``(batch, channels, height, width)`` in [task.low, task.high].

    Source: Hendrycks & Dietterich 2019.
    """
    zooms, step = at_side(ZOOMS_AND_STEP, severity, shorter_side(inputs))
    images = as_unit(inputs, task)
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
    height, width = images.shape[-2:]
    if height * width > ALL_IN_ONE or images.device.type != "cpu":
        return by_rows(images, factors)
    pixels = turned(images.reshape(-1, height * width))
    return turned(_product(height, width, factors) @ pixels).view(images.shape)


@lru_cache(maxsize=10)
def _product(height: int, width: int, factors: tuple[float, ...]) -> torch.Tensor:
    """Return what makes the sum of an image's zooms of its pixels: a sparse matrix, a row and a column for each of them."""
    parts = []
    for factor in factors:
        (rows, down), (columns, across) = (_between(size, factor) for size in (height, width))
        # (height, width, 2, 2): the four pixels that one of the zoom lies between
        pixels = rows[:, None, :, None] * width + columns[None, :, None, :]
        weights = down[:, None, :, None] * across[None, :, None, :]
        parts.append((pixels.flatten(0, 1).flatten(1), weights.flatten(0, 1).flatten(1)))
    taken, weight = (torch.cat(one, 1) for one in zip(*parts, strict=True))
    made = torch.arange(height * width)[:, None].expand_as(taken)
    places = torch.stack((made.flatten(), taken.flatten()))
    whole = torch.sparse_coo_tensor(
        places, weight.flatten(), (height * width,) * 2, check_invariants=True
    )
    whole = whole.coalesce()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta")
        rows = whole.to_sparse_csr()
        # Numbers of 32 bits are what the product takes: others are converted each time.
        return torch.sparse_csr_tensor(
            rows.crow_indices().int(),
            rows.col_indices().int(),
            rows.values().float(),
            rows.shape,
            check_invariants=True,
        )


def by_rows(images: torch.Tensor, factors: tuple[float, ...]) -> torch.Tensor:
    """Return the sum of an image's zooms: of each the rows are made, and of all of them together the columns."""
    height, width = images.shape[-2:]
    rows, weights = zip(*(_between(height, factor) for factor in factors), strict=True)
    below = WeightedRows(torch.cat(rows), torch.cat(weights).float())
    columns, weights = zip(*(_between(width, factor) for factor in factors), strict=True)
    columns = tuple(index + zoom * width for zoom, index in enumerate(columns))
    beside = WeightedRows(torch.cat(columns, 1), torch.cat(weights, 1).float())

    def zooms(some: torch.Tensor) -> torch.Tensor:
        stretched = below.of(some).view(*some.shape[:2], len(factors), height, width)
        return turned(beside.of(turned(stretched).flatten(2, 3)))

    return torch.cat(
        [zooms(some) for some in torch.split(images, max(1, AT_ONCE // images[0].numel()))]
    )


@lru_cache(maxsize=128)
def _between(size: int, factor: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the two rows that each row of a zoom lies between, and their shares: ``(size, 2)`` both."""
    cut = math.ceil(size / factor)
    large = round(cut * factor)
    rows = torch.arange(size, dtype=torch.float64)
    place = (rows + (large - size) // 2) * ((cut - 1) / max(large - 1, 1))
    before = place.floor().clamp(max=max(cut - 2, 0))
    first = before.long() + (size - cut) // 2
    second = (first + 1).clamp(max=size - 1)
    share = place - before
    return torch.stack((first, second), 1), torch.stack((1 - share, share), 1)
