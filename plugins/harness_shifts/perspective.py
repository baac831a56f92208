"""The image as a plane that is looked at from the side."""

from __future__ import annotations

import torch

from harness.api import Draws, Task
from harness_shifts.resample import centred, read_at
from harness_shifts.severity import at_severity

# The most that a corner moves inwards, as a share of half a side (torchvision's distortion scale). Chosen here.
SHARES = (0.1, 0.2, 0.3, 0.4, 0.5)


def apply(inputs: torch.Tensor, severity: int, draws: Draws, task: Task) -> torch.Tensor:
    """Return the image whose corners came inwards, each by a draw of its own up to the severity's share.

    inputs: ``(batch, channels, height, width)`` in [task.low, task.high].
    """
    height, width = inputs.shape[-2:]
    half = torch.tensor([height / 2, width / 2], dtype=torch.float64)
    corners = half * torch.tensor([[-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]])
    inwards = draws.uniform("perspective", (4, 2)).double().cpu()
    moved = corners * (1 - at_severity(SHARES, severity) * inwards)
    matrix = homography(moved, corners.expand_as(moved)).to(inputs.device, inputs.dtype)
    y, x = centred(height, inputs).view(1, -1, 1), centred(width, inputs).view(1, 1, -1)
    rows = [m.view(-1, 3, 1, 1) for m in matrix.unbind(1)]
    depth = rows[2][:, 0] * y + rows[2][:, 1] * x + rows[2][:, 2]
    places = [(row[:, 0] * y + row[:, 1] * x + row[:, 2]) / depth for row in rows[:2]]
    return read_at(inputs, *places).clamp_(task.low, task.high)


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
