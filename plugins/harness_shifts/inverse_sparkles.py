"""The image inside one large star, and white around it."""

from __future__ import annotations

import torch

from harness.api import Draws, Task
from harness_shifts.c_bar import between, strength
from harness_shifts.pixels import from_unit, shorter_side, to_unit
from harness_shifts.sparkles import ray_lengths, shine

RADIUS = 0.25  # of the side
STEEPNESS = 6.5 / 50  # for a strength of 1


def apply(inputs: torch.Tensor, severity: int, draws: Draws, task: Task) -> torch.Tensor:
    """Return white, and the image as far as a star shines whose centre is in the image's middle half.

    inputs: ``(batch, channels, height, width)`` in [task.low, task.high].

    Source: ImageNet-C-bar, Mintun, Kirillov & Xie 2021.
    """
    height, width = inputs.shape[-2:]
    down, across = draws.uniform("inverse_sparkles", (2,)).to(inputs.device).unbind(1)
    centre = between(0.25, 0.75, down) * height, between(0.25, 0.75, across) * width
    lengths = ray_lengths(draws, "inverse_sparkles", RADIUS * shorter_side(inputs))
    steepness = strength("inverse_sparkles", severity, inputs) * STEEPNESS
    stays = shine(inputs, draws, "inverse_sparkles", centre, lengths, steepness)
    images = to_unit(inputs, task)
    return from_unit(torch.lerp(torch.ones_like(images), images, stays), task)
