"""Rotation about the image's centre."""

from __future__ import annotations

import math

import torch

from harness.api import Draws, Task
from harness_shifts.resample import read_through
from harness_shifts.severity import at_severity

# Degrees, to either side. No published table (ImageNet-C has no rotation): chosen here.
DEGREES = (6.0, 12.0, 18.0, 24.0, 30.0)


def apply(inputs: torch.Tensor, severity: int, draws: Draws, task: Task) -> torch.Tensor:
    """Return the image turned by the severity's angle, each example to a side of its own.

    inputs: ``(batch, channels, height, width)`` in [task.low, task.high].
    """
    return read_through(inputs, moves(severity, draws)).clamp_(task.low, task.high)


def moves(severity: int, draws: Draws) -> torch.Tensor:
    """Return where each pixel's content comes from ``(batch, 3, 3)``; see `Shift.moves`."""
    side = torch.where(draws.uniform("rotate") < 0.5, -1.0, 1.0)
    return turns(side.double() * at_severity(DEGREES, severity))


def turns(degrees: torch.Tensor) -> torch.Tensor:
    """Return the maps ``(batch, 3, 3)`` that turn images counter-clockwise by angles ``(batch,)``."""
    angle = degrees.double() * (math.pi / 180.0)
    cos, sin = torch.cos(angle), torch.sin(angle)
    maps = torch.eye(3, dtype=torch.float64, device=angle.device).repeat(len(angle), 1, 1)
    maps[:, 0, 0], maps[:, 0, 1], maps[:, 1, 0], maps[:, 1, 1] = cos, -sin, sin, cos
    return maps


def rotate(images: torch.Tensor, degrees: torch.Tensor) -> torch.Tensor:
    """Turn each image counter-clockwise by its angle: bilinear, the border repeated outwards.

    images: ``(batch, channels, height, width)``. degrees: ``(batch,)``.
    """
    return read_through(images, turns(degrees))
