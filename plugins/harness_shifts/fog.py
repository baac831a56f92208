"""Fog: a cloudy layer over the image."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from harness.api import Draws, Task
from harness_shifts.pixels import from_unit, shorter_side, to_unit
from harness_shifts.severity import at_side

# How thick the fog is, and by how much its roughness falls from one scale to the next.
THICKNESS_AND_DECAY = {
    32: ((0.2, 3.0), (0.5, 3.0), (0.75, 2.5), (1.0, 2.0), (1.5, 1.75)),
    64: ((0.4, 3.0), (0.7, 3.0), (1.0, 2.5), (1.5, 2.0), (2.0, 1.75)),
    224: ((1.5, 2.0), (2.0, 2.0), (2.5, 1.7), (2.5, 1.5), (3.0, 1.4)),
}
ROUGHNESS = 100.0


def apply(inputs: torch.Tensor, severity: int, draws: Draws, task: Task) -> torch.Tensor:
    """Return (x + c * fog) * m / (m + c), with m the image's largest value and fog from 0 to 1.

    The fog's map is the smallest power of two across that covers the image, whose upper left part is taken.

    inputs: ``(batch, channels, height, width)`` in [task.low, task.high].

    Source: Hendrycks & Dietterich 2019.
    """
    thickness, decay = at_side(THICKNESS_AND_DECAY, severity, shorter_side(inputs))
    height, width = inputs.shape[-2:]
    size = 1 << max(1, (max(height, width) - 1).bit_length())
    drawn = draws.uniform("fog", (size * size - 1,)).to(inputs.device, inputs.dtype)
    fog = plasma(drawn.mul_(2).sub_(1), size, decay)[:, None, :height, :width]
    images = to_unit(inputs, task)
    largest = images.amax(dim=(1, 2, 3), keepdim=True)
    return from_unit(images.add_(fog, alpha=thickness).mul_(largest / (largest + thickness)), task)


def plasma(drawn: torch.Tensor, size: int, decay: float) -> torch.Tensor:
    """Return maps ``(batch, size, size)`` from 0 to 1, made by the diamond-square algorithm.

    drawn: ``(batch, size * size - 1)``, uniform from -1 to 1: for each scale, from coarse to fine, those of the
    squares' centres, of the middles of their upper and of their left sides. Maps wrap around. What a
    scale adds is the square of its roughness, as in the published script.
    """
    heights = drawn.new_zeros(len(drawn), size, size)
    parts = _parts(drawn, size)
    step, rough = size, ROUGHNESS
    while step >= 2:
        half = step // 2
        corners = heights[:, ::step, ::step]
        beside = corners + corners.roll(-1, 2)
        below = corners + corners.roll(-1, 1)
        centres = (beside + beside.roll(-1, 1)).div_(4).add_(next(parts), alpha=rough**2)
        upper = (centres + centres.roll(1, 1)).add_(beside).div_(4)
        left = (centres + centres.roll(1, 2)).add_(below).div_(4)
        heights[:, half::step, half::step] = centres
        heights[:, ::step, half::step] = upper.add_(next(parts), alpha=rough**2)
        heights[:, half::step, ::step] = left.add_(next(parts), alpha=rough**2)
        step, rough = half, rough / decay
    heights -= heights.amin(dim=(1, 2), keepdim=True)
    return heights.div_(heights.amax(dim=(1, 2), keepdim=True))


def _parts(drawn: torch.Tensor, size: int) -> Iterator[torch.Tensor]:
    """Yield the draws as squares, three for each scale."""
    first, across = 0, 1
    while across < size:
        for _ in range(3):
            yield drawn[:, first : first + across * across].view(-1, across, across)
            first += across * across
        across *= 2
