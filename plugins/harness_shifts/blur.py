"""Gaussian blur."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

import torch

from harness.api import Task
from harness_shifts.borders import Border, padded, repeat
from harness_shifts.pixels import shorter_side
from harness_shifts.severity import at_side, length_scale

# Standard deviation of the kernel in pixels.
SIGMA = {
    32: (0.4, 0.6, 0.7, 0.8, 1.0),
    64: (0.5, 0.75, 1.0, 1.25, 1.5),
    224: (1.0, 2.0, 3.0, 4.0, 6.0),
}
LARGE = 64  # pixels of the shorter side, from which on products with matrices are quicker
TILE = 32  # rows or columns of a product
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
    """Blur ``(batch, channels, height, width)``, first down the columns, then along the rows; the border repeated.

    No result depends on the other images of the batch, which a library's convolution does not promise: small
    images are sums of shifted copies, large ones products of one image with a matrix.
    """
    weights = kernel(sigma)
    if min(images.shape[-2:]) >= LARGE:
        return blur_by_products(images, weights, repeat)
    radius, none = len(weights) // 2, (0, 0)
    for dim in (2, 3):
        more = (radius, radius)
        wide = padded(images, *((more, none) if dim == 2 else (none, more)), repeat)
        images = torch.zeros_like(images)
        for offset, weight in enumerate(weights):
            images.add_(wide.narrow(dim, offset, images.shape[dim]), alpha=weight)
    return images


def blur_by_products(
    images: torch.Tensor, weights: Sequence[float], border: Border
) -> torch.Tensor:
    """Return ``(batch, channels, height, width)`` with `weights` down the columns and along the rows.

    weights: of an odd number of pixels, the middle one at the pixel itself. border: which pixel stands for one outside.

    An image is multiplied with a matrix on either side, `TILE` rows or columns of the result at a time with
    those that they are made of.
    """
    height, width = images.shape[-2:]
    down, across = (_matrix(size, tuple(weights), border).to(images) for size in (height, width))
    blurred, reach = torch.empty_like(images), len(weights) // 2
    channels = images.shape[1]
    half = images.new_empty((height, channels * width))
    lines = images.new_empty((height * channels, width))
    for image, result in zip(images, blurred, strict=True):
        beside = image.transpose(0, 1).reshape(height, -1)  # a row holds those of all channels
        for rows, taken in _tiles(height, reach):
            torch.mm(down[rows, taken], beside[taken], out=half[rows])
        made = half.view(lines.shape)
        for columns, taken in _tiles(width, reach):
            torch.mm(made[:, taken], across[columns, taken].T, out=lines[:, columns])
        result.copy_(lines.view(height, channels, width).transpose(0, 1))
    return blurred


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
