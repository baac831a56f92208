"""The image moved in a direction of its own."""

from __future__ import annotations

import math

import torch

from harness.api import Draws, Task
from harness_shifts.resample import read_through
from harness_shifts.severity import at_severity

# Shares of the image's shorter side. No published table: chosen here.
SHARES = (0.04, 0.08, 0.12, 0.16, 0.20)


def apply(inputs: torch.Tensor, severity: int, draws: Draws, task: Task) -> torch.Tensor:
    """Return the image moved by the severity's share of its shorter side; the border is repeated.

    inputs: ``(batch, channels, height, width)`` in [task.low, task.high].
    """
    return read_through(inputs, moves(severity, draws, task)).clamp_(task.low, task.high)


def moves(severity: int, draws: Draws, task: Task) -> torch.Tensor:
    """Return where each pixel's content comes from ``(batch, 3, 3)``; see `Shift.moves`."""
    angle = 2 * math.pi * draws.uniform("translate").double()
    way = at_severity(SHARES, severity) * min(task.input_shape[-2:])
    maps = torch.eye(3, dtype=torch.float64, device=angle.device).repeat(len(angle), 1, 1)
    maps[:, 0, 2], maps[:, 1, 2] = -way * torch.cos(angle), -way * torch.sin(angle)
    return maps
