"""Gaussian blur."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import torch
from torch.nn import functional

from harness.api import Task
from harness_shifts.borders import Border, repeat
from harness_shifts.pixels import shorter_side, to_levels
from harness_shifts.severity import at_side, length_scale

# Standard deviation of the kernel in pixels.
SIGMA = {
    32: (0.4, 0.6, 0.7, 0.8, 1.0),
    64: (0.5, 0.75, 1.0, 1.25, 1.5),
    224: (1.0, 2.0, 3.0, 4.0, 6.0),
}
LINE = 16  # values of 32 bits: a line of the cache
TRUNCATE = 4.0  # standard deviations at which the kernel ends, as in scikit-image


def apply(inputs: torch.Tensor, severity: int, task: Task) -> torch.Tensor:
    """Return the image convolved with a Gaussian, its border repeated outwards.

    inputs: ``(batch, channels, height, width)`` in [task.low, task.high], or uint8.

    Source: Hendrycks & Dietterich 2019 (gaussian_blur, one of the four extra corruptions).
    """
    side = shorter_side(inputs)
    sigma = at_side(SIGMA, severity, side) * length_scale(side)
    blurred = blur(inputs, sigma)
    if inputs.dtype == torch.uint8:
        return to_levels(blurred)
    return blurred.clamp_(task.low, task.high)


@lru_cache(maxsize=32)
def kernel(sigma: float, truncate: float = TRUNCATE) -> tuple[float, ...]:
    """Return the weights of a sampled Gaussian, from -radius to radius; they sum to 1."""
    radius = int(truncate * sigma + 0.5)
    offsets = torch.arange(-radius, radius + 1, dtype=torch.float64)
    weights = torch.exp(-0.5 * (offsets / sigma) ** 2)
    return tuple((weights / weights.sum()).tolist())


def blur(images: torch.Tensor, sigma: float) -> torch.Tensor:
    """Blur ``(batch, channels, height, width)`` along the rows and down the columns; the border repeated."""
    return weighted(images, kernel(sigma), repeat)


def weighted(images: torch.Tensor, weights: Sequence[float], border: Border) -> torch.Tensor:
    """Return ``(batch, channels, height, width)`` with `weights` along the rows and down the columns, float32.

    weights: of an odd number of pixels, the middle one at the pixel itself. border: which pixel stands for one outside.
    No result depends on the other images of the batch, or on where in memory they are.
    """
    weights, planes = tuple(weights), images.flatten(0, 1)
    planes = _along(planes, weights, border)
    return _down(planes, weights, border).reshape(images.shape)


# To oneDNN a row of the image is a channel of a picture of one row, or a column one of a picture of one column: so sixteen are
# added up at a time, each in the order of its pixels. It turns rows so that sixteen lie side by side in less time than we could.
def _along(planes: torch.Tensor, weights: tuple[float, ...], border: Border) -> torch.Tensor:
    """Return ``(planes, height, width)`` with `weights` along the rows."""
    number, height, width = planes.shape
    reach = len(weights) // 2
    if planes.device.type != "cpu" or 2 * reach >= width:
        return _product(planes.mT, weights, border).mT
    longer = planes.new_empty((number, height, reach + width + reach), dtype=_numbers(planes))
    longer[..., reach : reach + width] = planes
    rows = longer.numpy()  # numpy takes a third of the time
    for start in (-reach, width):
        outside = border(torch.arange(start, start + reach), width).numpy()
        rows[..., reach + start : 2 * reach + start] = rows[..., reach + outside]
    return functional.conv2d(longer[:, :, None], _kernels(weights, height), groups=height)[:, :, 0]


def _down(planes: torch.Tensor, weights: tuple[float, ...], border: Border) -> torch.Tensor:
    """Return ``(planes, height, width)`` with `weights` down the columns."""
    number, height, width = planes.shape
    reach = len(weights) // 2
    if planes.device.type != "cpu" or 2 * reach >= height:
        return _product(planes, weights, border)
    longer = planes.new_empty((number, reach + height + reach, width), dtype=_numbers(planes))
    longer[:, reach : reach + height] = planes
    rows = longer.numpy()
    for start in (-reach, height):
        outside = border(torch.arange(start, start + reach), height).numpy()
        rows[:, reach + start : 2 * reach + start] = rows[:, reach + outside]
    columns = longer.mT[:, :, None]  # (planes, width, 1, longer)
    return functional.conv2d(columns, _kernels(weights, width), groups=width)[:, :, 0].mT


def _product(planes: torch.Tensor, weights: tuple[float, ...], border: Border) -> torch.Tensor:
    """Return what `_down` does, by a product of matrices."""
    number, height, width = planes.shape
    # Every row begins where a line of the cache does, as sums are taken in another order elsewhere.
    size = (number, height, math.ceil(width / LINE) * LINE)
    lines = planes.new_empty(size, dtype=_numbers(planes))[..., :width]
    matrix = _matrix(height, weights, border).to(lines)
    return torch.bmm(matrix.expand(number, -1, -1), _copied(lines, planes))


def _numbers(planes: torch.Tensor) -> torch.dtype:
    return torch.promote_types(planes.dtype, torch.float32)


def _copied(into: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    if into.device.type == "cpu":  # numpy takes two thirds of the time where values are turned
        np.copyto(into.numpy(), values.numpy())
        return into
    return into.copy_(values)


@lru_cache(maxsize=32)
def _kernels(weights: tuple[float, ...], channels: int) -> torch.Tensor:
    """Return the weights for each channel, ``(channels, 1, 1, weights)``."""
    return torch.tensor(weights).expand(channels, 1, 1, -1).contiguous()


@lru_cache(maxsize=32)
def _matrix(size: int, weights: tuple[float, ...], border: Border) -> torch.Tensor:
    """Return ``(size, size)``: the weight of each pixel in each blurred one."""
    reach = len(weights) // 2
    index = torch.arange(size)[:, None] + torch.arange(-reach, reach + 1)
    values = torch.tensor(weights, dtype=torch.float64).expand_as(index)
    matrix = torch.zeros(size, size, dtype=torch.float64)
    return matrix.scatter_add_(1, border(index, size), values).float()
