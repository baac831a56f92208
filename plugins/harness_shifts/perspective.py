"""The image as a plane that is looked at from the side."""

from __future__ import annotations

import torch

from harness.api import Draws, Task
from harness_shifts.resample import read_through
from harness_shifts.severity import at_severity

# The most that a corner moves inwards, as a share of half a side (torchvision's distortion scale). Chosen here.
SHARES = (0.1, 0.2, 0.3, 0.4, 0.5)


def apply(inputs: torch.Tensor, severity: int, draws: Draws, task: Task) -> torch.Tensor:
    """Return the image whose corners came inwards, each by a draw of its own up to the severity's share.

    inputs: ``(batch, channels, height, width)`` in [task.low, task.high].
    """
    return read_through(inputs, moves(severity, draws, task)).clamp_(task.low, task.high)


def moves(severity: int, draws: Draws, task: Task) -> torch.Tensor:
    """Return where each pixel's content comes from ``(batch, 3, 3)``; see `Shift.moves`."""
    height, width = task.input_shape[-2:]
    half = torch.tensor([height / 2, width / 2], dtype=torch.float64)
    corners = half * torch.tensor([[-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]])
    inwards = draws.uniform("perspective", (4, 2)).double().cpu()
    moved = corners * (1 - at_severity(SHARES, severity) * inwards)
    swapped = [1, 0, 2]  # across before down
    return homography(moved, corners.expand_as(moved))[:, swapped][:, :, swapped]


def homography(sources: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Return the projective maps ``(batch, 3, 3)`` that take four points each to four others.

    sources, targets: ``(batch, 4, 2)``. The last number of a map is 1. Solved as the eight linear equations of
    Hartley & Zisserman 2004, "Multiple view geometry", section 4.1.
    """
    one, nothing = torch.ones_like(sources[..., :1]), torch.zeros_like(sources)
    point = torch.cat([sources, one], 2)
    blank = torch.cat([nothing, torch.zeros_like(one)], 2)
    first = torch.cat([point, blank, -sources * targets[..., :1]], 2)
    second = torch.cat([blank, point, -sources * targets[..., 1:]], 2)
    found = torch.linalg.solve(
        torch.cat([first, second], 1), torch.cat([targets[..., 0], targets[..., 1]], 1)
    )
    return torch.cat([found, torch.ones_like(found[:, :1])], 1).view(-1, 3, 3)
