"""Gaussian blur."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import lru_cache

import torch

from harness.api import Task
from harness_shifts.borders import Border, repeat
from harness_shifts.pixels import shorter_side
from harness_shifts.severity import at_side, length_scale

# Standard deviation of the kernel in pixels.
SIGMA = {
    32: (0.4, 0.6, 0.7, 0.8, 1.0),
    64: (0.5, 0.75, 1.0, 1.25, 1.5),
    224: (1.0, 2.0, 3.0, 4.0, 6.0),
}
TILE = 32  # rows or columns of a product
LINE = 16  # values of 32 bits: a line of the cache
TRUNCATE = 4.0  # standard deviations at which the kernel ends, as in scikit-image


def apply(inputs: torch.Tensor, severity: int, task: Task) -> torch.Tensor:
    """Return the image convolved with a Gaussian, its border repeated outwards.

    inputs: ``(batch, channels, height, width)`` in [task.low, task.high].

    Source: Hendrycks & Dietterich 2019 (gaussian_blur, one of the four extra corruptions).
    """
    side = shorter_side(inputs)
    sigma = at_side(SIGMA, severity, side) * length_scale(side)
    return blur(inputs, sigma).clamp_(task.low, task.high)


def kernel(sigma: float, truncate: float = TRUNCATE) -> list[float]:
    """Return the weights of a sampled Gaussian, from -radius to radius; they sum to 1."""
    radius = int(truncate * sigma + 0.5)
    offsets = torch.arange(-radius, radius + 1, dtype=torch.float64)
    weights = torch.exp(-0.5 * (offsets / sigma) ** 2)
    return (weights / weights.sum()).tolist()


def blur(images: torch.Tensor, sigma: float) -> torch.Tensor:
    """Blur ``(batch, channels, height, width)`` along the rows and down the columns; the border repeated."""
    return weighted(images, kernel(sigma), repeat)


def weighted(images: torch.Tensor, weights: Sequence[float], border: Border) -> torch.Tensor:
    """Return ``(batch, channels, height, width)`` with `weights` along the rows and down the columns.

    weights: of an odd number of pixels, the middle one at the pixel itself. border: which pixel stands for one outside.

    Each image is multiplied with a matrix on either side, `TILE` rows or columns of the result at a time with those
    that they are made of. No result depends on the other images of the batch, which a library's convolution does not
    promise: products of a batch are one for each image, and every row begins where a line of the cache does, as sums
    are taken in another order elsewhere.
    """
    batch, channels, height, width = images.shape
    reach = len(weights) // 2
    down, across = (_matrix(size, tuple(weights), border).to(images) for size in (height, width))
    lines = images.reshape(batch, channels * height, width)
    if width % LINE or lines.data_ptr() % (LINE * lines.itemsize):
        lines = _rows(lines).copy_(lines)
    half, blurred = _rows(lines), _rows(lines)
    for columns, taken in _tiles(width, reach):
        each = across[columns, taken].T.expand(batch, -1, -1)
        torch.bmm(lines[:, :, taken], each, out=half[:, :, columns])
    parts, found = (_images(one, channels) for one in (half, blurred))
    for rows, taken in _tiles(height, reach):
        each = down[rows, taken].expand(len(parts), -1, -1)
        torch.bmm(each, parts[:, taken], out=found[:, rows])
    return found.reshape(images.shape)


def _images(lines: torch.Tensor, channels: int) -> torch.Tensor:
    """Return ``(batch, channels * height, width)`` as ``(batch * channels, height, width)``, without a copy."""
    batch, rows, width = lines.shape
    height = rows // channels
    return lines.as_strided(
        (batch * channels, height, width), (height * lines.stride(1), lines.stride(1), 1)
    )


def _rows(like: torch.Tensor) -> torch.Tensor:
    """Return memory for ``(batch, rows, width)`` whose rows begin at multiples of `LINE`."""
    *shape, width = like.shape
    return like.new_empty((*shape, math.ceil(width / LINE) * LINE))[..., :width]


def _tiles(size: int, reach: int) -> Iterator[tuple[slice, slice]]:
    for start in range(0, size, TILE):
        stop = min(start + TILE, size)
        yield slice(start, stop), slice(max(0, start - reach), min(size, stop + reach))


@lru_cache(maxsize=32)
def _matrix(size: int, weights: tuple[float, ...], border: Border) -> torch.Tensor:
    """Return ``(size, size)``: the weight of each pixel in each blurred one."""
    reach = len(weights) // 2
    index = torch.arange(size)[:, None] + torch.arange(-reach, reach + 1)
    values = torch.tensor(weights, dtype=torch.float64).expand_as(index)
    matrix = torch.zeros(size, size, dtype=torch.float64)
    return matrix.scatter_add_(1, border(index, size), values).float()
