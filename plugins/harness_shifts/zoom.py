"""The image larger or smaller about its centre."""

from __future__ import annotations

import torch

from harness.api import Draws, Task
from harness_shifts.resample import read_through
from harness_shifts.severity import at_severity

# Factors of the sides, or one over them. No published table: chosen here.
FACTORS = (1.1, 1.2, 1.3, 1.45, 1.6)


def apply(inputs: torch.Tensor, severity: int, draws: Draws, task: Task) -> torch.Tensor:
    """Return the image with sides that are the severity's factor longer, or shorter, by each example's draw.

    What a larger image has outside is cropped; around a smaller one the border is repeated.

    inputs: ``(batch, channels, height, width)`` in [task.low, task.high].
    """
    return read_through(inputs, moves(severity, draws)).clamp_(task.low, task.high)


def moves(severity: int, draws: Draws) -> torch.Tensor:
    """Return where each pixel's content comes from ``(batch, 3, 3)``; see `Shift.moves`."""
    factor = at_severity(FACTORS, severity)
    step = torch.where(draws.uniform("zoom") < 0.5, 1 / factor, factor).double()
    return torch.diag_embed(torch.stack([step, step, torch.ones_like(step)], 1))
