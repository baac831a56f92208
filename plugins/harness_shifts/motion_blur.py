"""Motion blur: a trail of weights that fall off, in a direction of the image's own."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

import torch

from harness.api import Draws, Task
from harness_shifts.borders import padded, repeat
from harness_shifts.pixels import as_unit, from_unit, shorter_side
from harness_shifts.severity import at_side, length_scale

# How far the trail goes (it has 2 * radius + 1 pixels), and how fast it falls off, in pixels.
RADIUS_AND_SIGMA = {
    32: ((6, 1.0), (6, 1.5), (6, 2.0), (8, 2.0), (9, 2.5)),
    64: ((10, 1.0), (10, 1.5), (10, 2.0), (10, 2.5), (12, 3.0)),
    224: ((10, 3.0), (15, 5.0), (15, 8.0), (15, 12.0), (20, 15.0)),
}
DEGREES = 45.0  # to either side
NOTHING = 2.0**-26  # a weight that changes no value of 32 bits between 1/2 and 1


def apply(inputs: torch.Tensor, severity: int, draws: Draws, task: Task) -> torch.Tensor:
    """Blur each image along an angle of its own, from -45 to 45 degrees.

    inputs: ``(batch, channels, height, width)`` in [task.low, task.high].

    Source: Hendrycks & Dietterich 2019, who had it from ImageMagick.
    """
    side = shorter_side(inputs)
    radius, sigma = at_side(RADIUS_AND_SIGMA, severity, side)
    degrees = (draws.uniform("motion_blur") * 2 - 1) * DEGREES
    scale = length_scale(side)
    return from_unit(trail(as_unit(inputs, task), radius * scale, sigma * scale, degrees), task)


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
    order = degrees.cpu().argsort(stable=True)
    angles = (degrees.cpu()[order].double() * (math.pi / 180))[:, None]
    right = torch.ceil(steps * torch.cos(angles) - 0.5).long()
    down = torch.ceil(steps * torch.sin(angles) - 0.5).long()
    height, width = images.shape[-2:]
    above, left = (max(0, -int(one.min())) for one in (down, right))
    below, beyond = (max(0, int(one.max())) for one in (down, right))
    images = padded(images[order.to(images.device)], (above, below), (left, beyond), repeat)
    blurred = images.new_zeros((*images.shape[:2], height, width))
    for i, weight in enumerate(weights):
        if weight < NOTHING:
            break
        # Of images in the order of their angles, those that are moved alike follow one another.
        for first, last, y, x in _alike(down[:, i].tolist(), right[:, i].tolist()):
            part = images[
                first:last, :, y + above : y + above + height, x + left : x + left + width
            ]
            blurred[first:last].add_(part, alpha=weight)
    return blurred[order.argsort().to(images.device)]


def _alike(down: list[int], right: list[int]) -> Iterator[tuple[int, int, int, int]]:
    """Yield the runs of equal pairs: the first place, that after the last, and the pair."""
    first = 0
    for (y, x), run in itertools.groupby(zip(down, right, strict=True)):
        last = first + len(list(run))
        yield first, last, y, x
        first = last
