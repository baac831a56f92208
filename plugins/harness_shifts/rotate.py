"""Rotation about the image's centre."""

from __future__ import annotations

import math

import torch
from torch.nn import functional

from harness.api import Draws, Task
from harness_shifts.severity import at_severity

# Degrees, to either side. No published table (ImageNet-C has no rotation): chosen here.
DEGREES = (6.0, 12.0, 18.0, 24.0, 30.0)


def apply(inputs: torch.Tensor, severity: int, draws: Draws, task: Task) -> torch.Tensor:
    """Return the image turned by the severity's angle, each example to a side of its own.

    inputs: ``(batch, channels, height, width)`` in [task.low, task.high].
    """
    side = torch.where(draws.uniform("rotate") < 0.5, -1.0, 1.0).to(inputs.device, inputs.dtype)
    return rotate(inputs, side * at_severity(DEGREES, severity)).clamp_(task.low, task.high)


def rotate(images: torch.Tensor, degrees: torch.Tensor) -> torch.Tensor:
    """Turn each image counter-clockwise by its angle: bilinear, the border repeated outwards.

    images: ``(batch, channels, height, width)``. degrees: ``(batch,)``.
    """
    height, width = images.shape[-2:]
    angle = (degrees * (math.pi / 180.0)).view(-1, 1, 1)
    cos, sin = torch.cos(angle), torch.sin(angle)
    # Pixel centres, counted from the middle of the image.
    rows = torch.arange(height, device=images.device, dtype=images.dtype) - (height - 1) / 2
    columns = torch.arange(width, device=images.device, dtype=images.dtype) - (width - 1) / 2
    y, x = rows.view(1, -1, 1), columns.view(1, 1, -1)
    grid = torch.stack(
        ((cos * x - sin * y) * (2.0 / width), (sin * x + cos * y) * (2.0 / height)), dim=-1
    )  # (batch, height, width, 2), in grid_sample's units: -1 to 1 between the outer edges
    return functional.grid_sample(
        images, grid, mode="bilinear", padding_mode="border", align_corners=False
    )
