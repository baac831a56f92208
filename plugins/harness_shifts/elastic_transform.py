"""Elastic: the image bent, as a whole and place by place."""

from __future__ import annotations

from collections.abc import Callable

import torch

from harness.api import Draws, Task
from harness_shifts.blur import kernel
from harness_shifts.borders import mirror, mirror_about_pixel
from harness_shifts.pixels import from_unit, shorter_side, to_unit
from harness_shifts.severity import at_side

# In shares of the side: how far pixels move, the standard deviation of the blur of these moves, and how
# far three corners move. The published script for 224 px counts with 244.
Border = Callable[[torch.Tensor, int], torch.Tensor]

OVER = 244 / 224
MOVE_SIGMA_CORNERS = {
    32: (
        (0.0, 0.0, 0.08),
        (0.05, 0.2, 0.07),
        (0.08, 0.06, 0.06),
        (0.1, 0.04, 0.05),
        (0.1, 0.03, 0.03),
    ),
    64: (
        (0.0, 0.0, 0.08),
        (0.05, 0.3, 0.06),
        (0.1, 0.08, 0.06),
        (0.1, 0.03, 0.03),
        (0.16, 0.03, 0.02),
    ),
    224: (
        (2 * OVER, 0.7 * OVER, 0.1 * OVER),
        (2 * OVER, 0.08 * OVER, 0.2 * OVER),
        (0.05 * OVER, 0.01 * OVER, 0.02 * OVER),
        (0.07 * OVER, 0.01 * OVER, 0.02 * OVER),
        (0.12 * OVER, 0.01 * OVER, 0.02 * OVER),
    ),
}
TRUNCATE = 3.0  # standard deviations at which the blur of the moves ends


def apply(inputs: torch.Tensor, severity: int, draws: Draws, task: Task) -> torch.Tensor:
    """Map three corners to places near them, then move every pixel by a smooth field; bilinear both times.

    inputs: ``(batch, channels, height, width)`` in [task.low, task.high].

    Source: Hendrycks & Dietterich 2019, after Simard et al. 2003.
    """
    side = shorter_side(inputs)
    move, sigma, corners = (side * one for one in at_side(MOVE_SIGMA_CORNERS, severity, side))
    height, width = inputs.shape[-2:]
    device = inputs.device
    images = to_unit(inputs, task)
    moved = (draws.uniform("elastic/corners", (3, 2)) * 2 - 1) * corners
    across, down = _affine(moved.to(device), height, width)
    images = bilinear(images, across, down, mirror_about_pixel)
    if move > 0:
        field = draws.uniform("elastic/moves", (2, height, width)).to(device).mul_(2).sub_(1)
        field = _smooth(field, sigma).mul_(move)
        across = torch.arange(width, device=device) + field[:, 0]
        down = torch.arange(height, device=device)[:, None] + field[:, 1]
        images = bilinear(images, across, down, mirror)
    return from_unit(images, task)


def bilinear(
    images: torch.Tensor, across: torch.Tensor, down: torch.Tensor, border: Border
) -> torch.Tensor:
    """Read ``(batch, channels, height, width)`` at places ``(batch, height, width)`` between its pixels.

    across, down: in pixels, from the centre of the first one. border: which pixel stands for one outside.
    """
    height, width = images.shape[-2:]
    left, top = across.floor(), down.floor()
    right_share, lower_share = (across - left)[:, None], (down - top)[:, None]
    left, top = left.long(), top.long()
    columns = border(left, width), border(left + 1, width)
    rows = border(top, height) * width, border(top + 1, height) * width
    flat = images.flatten(2)

    def at(row: int, column: int) -> torch.Tensor:
        index = (rows[row] + columns[column]).flatten(1)[:, None].expand(-1, flat.shape[1], -1)
        return flat.gather(2, index).view(*images.shape[:2], *across.shape[-2:])

    upper = torch.lerp(at(0, 0), at(0, 1), right_share)
    lower = torch.lerp(at(1, 0), at(1, 1), right_share)
    return torch.lerp(upper, lower, lower_share)


def _affine(moved: torch.Tensor, height: int, width: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return where each pixel's content comes from, across and down, if three points move so far.

    moved: ``(batch, 3, 2)`` pixels, across and down. The points are corners of a square about the centre, a
    third of the shorter side from it.
    """
    apart = max(1, min(height, width) // 3)
    centre = moved.new_tensor([height // 2, width // 2], dtype=torch.float64)
    before = centre + apart * moved.new_tensor([[1, 1], [1, -1], [-1, -1]], dtype=torch.float64)
    after = before + moved.double()
    ones = torch.ones_like(after[..., :1])
    solved = torch.linalg.solve(torch.cat((after, ones), -1), before.expand_as(after))
    x = torch.arange(width, device=moved.device, dtype=torch.float64)
    y = torch.arange(height, device=moved.device, dtype=torch.float64)[:, None]
    a, b, c = solved.movedim(1, 0)[..., None, None]  # (batch, 2, 1, 1) each
    across, down = (a[:, i] * x + b[:, i] * y + c[:, i] for i in (0, 1))
    return across.float(), down.float()


def _smooth(field: torch.Tensor, sigma: float) -> torch.Tensor:
    """Blur ``(batch, 2, height, width)`` with a Gaussian, mirrored at the border.

    The blur may be wider than the image, so it is a product with a matrix on either side.
    """
    down, across = (_blur_matrix(size, sigma).to(field.device) for size in field.shape[-2:])
    return torch.stack([torch.stack([down @ part @ across.T for part in one]) for one in field])


def _blur_matrix(size: int, sigma: float) -> torch.Tensor:
    """Return ``(size, size)``: the weight of each pixel in each blurred one."""
    weights = torch.tensor(kernel(sigma, TRUNCATE), dtype=torch.float64)
    reach = len(weights) // 2
    index = torch.arange(size)[:, None] + torch.arange(-reach, reach + 1)
    matrix = torch.zeros(size, size, dtype=torch.float64)
    return matrix.scatter_add_(1, mirror(index, size), weights.expand_as(index)).float()
