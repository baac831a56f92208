"""Rotation about the image's centre."""

from __future__ import annotations

import math

import torch

from harness.api import Draws, Task
from harness_shifts.resample import centred, read_at
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
    y, x = centred(height, images).view(1, -1, 1), centred(width, images).view(1, 1, -1)
    return read_at(images, sin * x + cos * y, cos * x - sin * y)
