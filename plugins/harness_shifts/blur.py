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
from harness_shifts.pixels import shorter_side
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

    inputs: ``(batch, channels, height, width)`` in [task.low, task.high].

    Source: Hendrycks & Dietterich 2019 (gaussian_blur, one of the four extra corruptions).
    """
    side = shorter_side(inputs)
    sigma = at_side(SIGMA, severity, side) * length_scale(side)
    return blur(inputs, sigma).clamp_(task.low, task.high)


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
    """Return ``(batch, channels, height, width)`` with `weights` along the rows and down the columns.

    weights: of an odd number of pixels, the middle one at the pixel itself. border: which pixel stands for one outside.
    No result depends on the other images of the batch, or on where in memory they are.
    """
    planes = images.flatten(0, 1)
    for _ in ("along the rows", "down the columns"):
        planes = _turned(planes, tuple(weights), border)
    return planes.reshape(images.shape)


def _turned(planes: torch.Tensor, weights: tuple[float, ...], border: Border) -> torch.Tensor:
    """Return ``(planes, height, width)`` with `weights` along the rows, and turned: ``(planes, width, height)``."""
    number, height, width = planes.shape
    reach = len(weights) // 2
    if planes.device.type != "cpu" or 2 * reach >= width:
        # Every row begins where a line of the cache does, as sums are taken in another order elsewhere.
        room = planes.new_empty((number, width, math.ceil(height / LINE) * LINE))
        lines = _copied(room[..., :height], planes.mT)
        matrix = _matrix(width, weights, border).to(planes)
        return torch.bmm(matrix.expand(number, -1, -1), lines)
    longer = planes.new_empty((number, reach + width + reach, height))
    _copied(longer[:, reach : reach + width], planes.mT)
    rows = longer.numpy()
    for start in (-reach, width):
        outside = border(torch.arange(start, start + reach), width).numpy()
        rows[:, reach + start : 2 * reach + start] = rows[:, reach + outside]
    # To oneDNN a row of the image is a channel, of a picture of one row, and channels are what lies side by side in
    # memory: so sixteen rows are added up at a time, each in the order of its pixels.
    size = (number, height, 1, len(longer[0]))
    channels = longer.as_strided(size, (longer.stride(0), 1, longer.stride(0), height))
    found = functional.conv2d(channels, _kernels(weights, height), groups=height)
    return found[:, :, 0].mT


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
