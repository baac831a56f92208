"""Motion blur: a trail of weights that fall off, in a direction of the image's own."""

from __future__ import annotations

import math

import torch

from harness.api import Draws, Task
from harness_shifts.borders import repeat
from harness_shifts.pixels import from_unit, shorter_side, to_unit
from harness_shifts.severity import at_side, length_scale

# How far the trail goes (it has 2 * radius + 1 pixels), and how fast it falls off, in pixels.
RADIUS_AND_SIGMA = {
    32: ((6, 1.0), (6, 1.5), (6, 2.0), (8, 2.0), (9, 2.5)),
    64: ((10, 1.0), (10, 1.5), (10, 2.0), (10, 2.5), (12, 3.0)),
    224: ((10, 3.0), (15, 5.0), (15, 8.0), (15, 12.0), (20, 15.0)),
}
DEGREES = 45.0  # to either side


def apply(inputs: torch.Tensor, severity: int, draws: Draws, task: Task) -> torch.Tensor:
    """Blur each image along an angle of its own, from -45 to 45 degrees.

    inputs: ``(batch, channels, height, width)`` in [task.low, task.high].

    Source: Hendrycks & Dietterich 2019, who had it from ImageMagick.
    """
    side = shorter_side(inputs)
    radius, sigma = at_side(RADIUS_AND_SIGMA, severity, side)
    degrees = (draws.uniform("motion_blur") * 2 - 1) * DEGREES
    scale = length_scale(side)
    return from_unit(trail(to_unit(inputs, task), radius * scale, sigma * scale, degrees), task)


def trail(images: torch.Tensor, radius: float, sigma: float, degrees: torch.Tensor) -> torch.Tensor:
    """Return the weighted mean of pixels along a line that begins at each pixel, the border repeated.

    images: ``(batch, channels, height, width)``. degrees: ``(batch,)``, clockwise from the right.

    Pixel i of the line lies ceil(i cos - 1/2) to the right and ceil(i sin - 1/2) below, with the weight
    exp(-i^2 / (2 sigma^2)), for i from 0 to 2 * radius: what ImageMagick's MotionBlurImage computes.
    """
    length = 2 * math.ceil(radius) + 1
    steps = torch.arange(length, dtype=torch.float64)
    bell = torch.exp(-0.5 * (steps / sigma) ** 2)
    weights = (bell / bell.sum()).tolist()
    angles = (degrees.double() * (math.pi / 180)).cpu()[:, None]
    right = torch.ceil(steps * torch.cos(angles) - 0.5).long().tolist()
    down = torch.ceil(steps * torch.sin(angles) - 0.5).long().tolist()
    height, width = images.shape[-2:]
    for dim, size in ((2, height), (3, width)):
        reach = torch.arange(-length, size + length, device=images.device)
        images = images.index_select(dim, repeat(reach, size))
    blurred = images.new_zeros((*images.shape[:2], height, width))
    for image, one, x, y in zip(images, blurred, right, down, strict=True):
        for i, weight in enumerate(weights):
            shifted = image.narrow(1, y[i] + length, height).narrow(2, x[i] + length, width)
            one.add_(shifted, alpha=weight)
    return blurred
