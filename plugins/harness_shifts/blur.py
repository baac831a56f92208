"""Gaussian blur."""

from __future__ import annotations

import torch

from harness.api import Task
from harness_shifts.borders import repeat
from harness_shifts.pixels import shorter_side
from harness_shifts.severity import at_side, length_scale

# Standard deviation of the kernel in pixels.
SIGMA = {
    32: (0.4, 0.6, 0.7, 0.8, 1.0),
    64: (0.5, 0.75, 1.0, 1.25, 1.5),
    224: (1.0, 2.0, 3.0, 4.0, 6.0),
}
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
    """Blur ``(batch, channels, height, width)``, first down the columns, then along the rows.

    Sums of shifted copies: no result depends on the other images of the batch, which a library's
    convolution does not promise.
    """
    weights = kernel(sigma)
    radius = len(weights) // 2
    for dim in (2, 3):
        size = images.shape[dim]
        reach = repeat(torch.arange(-radius, size + radius, device=images.device), size)
        padded = images.index_select(dim, reach)
        images = torch.zeros_like(images)
        for offset, weight in enumerate(weights):
            images.add_(padded.narrow(dim, offset, size), alpha=weight)
    return images
