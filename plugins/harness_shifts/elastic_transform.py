"""Elastic: the image bent, as a whole and place by place."""

from __future__ import annotations

import torch
from torch.nn import functional

from harness.api import Draws, Task
from harness_shifts.blur import kernel, weighted
from harness_shifts.borders import mirror
from harness_shifts.pixels import as_unit, from_unit, shorter_side
from harness_shifts.severity import at_side

# In shares of the side: how far pixels move, the standard deviation of the blur of these moves, and how
# far three corners move. The published script for 224 px counts with 244.
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
    images = as_unit(inputs, task)
    moved = (draws.uniform("elastic/corners", (3, 2)) * 2 - 1) * corners
    images = _read(images, *_affine(moved.to(device), height, width), about_pixel=True)
    if move > 0:
        field = draws.uniform("elastic/moves", (2, height, width)).to(device).mul_(2).sub_(1)
        field = _smooth(field, sigma).mul_(move)
        across = torch.arange(width, device=device) + field[:, 0]
        down = torch.arange(height, device=device)[:, None] + field[:, 1]
        images = _read(images, across, down, about_pixel=False)
    return from_unit(images, task)


def _read(
    images: torch.Tensor, across: torch.Tensor, down: torch.Tensor, about_pixel: bool
) -> torch.Tensor:
    """Read ``(batch, channels, height, width)`` at places ``(batch, height, width)``, bilinearly, mirrored beyond.

    across, down: in pixels, from the centre of the first one. about_pixel: mirrored about the centre of the
    outermost pixel, else about its edge.
    """
    grid = torch.empty((*across.shape, 2), dtype=images.dtype, device=images.device)
    # grid_sample counts from -1 to 1: between the centres of the outermost pixels, or between their edges
    for axis, (place, size) in enumerate(zip((across, down), images.shape[:1:-1], strict=True)):
        first, last = (0.0, max(size - 1.0, 1.0)) if about_pixel else (-0.5, size - 0.5)
        scale = 2 / (last - first)
        torch.mul(place, scale, out=grid[..., axis])
        grid[..., axis].sub_(1 + first * scale)
    return functional.grid_sample(
        images, grid, padding_mode="reflection", align_corners=about_pixel
    )


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
    x = torch.arange(width, device=moved.device, dtype=torch.float32)
    y = torch.arange(height, device=moved.device, dtype=torch.float32)[:, None]
    a, b, c = solved.float().movedim(1, 0)[..., None, None]  # (batch, 2, 1, 1) each
    across, down = (a[:, i] * x + (b[:, i] * y + c[:, i]) for i in (0, 1))
    return across, down


def _smooth(field: torch.Tensor, sigma: float) -> torch.Tensor:
    """Blur ``(batch, 2, height, width)`` with a Gaussian, mirrored at the border; it may be wider than the image."""
    return weighted(field, kernel(sigma, TRUNCATE), mirror)
