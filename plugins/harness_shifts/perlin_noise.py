"""Turbulence, as of smoke, mixed with the image."""

from __future__ import annotations

import torch

from harness.api import Draws, Task
from harness_shifts.c_bar import places, strength
from harness_shifts.pixels import from_unit, shorter_side, to_unit

CELLS = 7  # along the side: of 32 px at 224
OCTAVES = (1, 2, 4, 8, 16)
KINDS = 256  # of gradients


def apply(inputs: torch.Tensor, severity: int, draws: Draws, task: Task) -> torch.Tensor:
    """Return (1 - c) * x + c * noise, with noise 1/2 and half of Perlin's turbulence, at most 1.

    inputs: ``(batch, channels, height, width)`` in [task.low, task.high].

    Source: ImageNet-C-bar, Mintun, Kirillov & Xie 2021, after Perlin 1985. Its gradients are put in order by a shuffle that is
    not quite even; here all orders are equally likely.
    """
    order = (
        draws.uniform("perlin_noise/order", (KINDS,)).argsort(dim=1, stable=True).to(inputs.device)
    )
    whole = draws.integers("perlin_noise/gradients", 2 * KINDS, (KINDS, 2)).double() - KINDS
    gradients = (whole / whole.norm(dim=2, keepdim=True).clamp(min=1)).to(inputs.device)
    rows, columns = (one * (CELLS / shorter_side(inputs)) for one in places(inputs))
    total = sum(
        (_noise(order, gradients, f * rows, f * columns).abs() / f for f in OCTAVES),
        torch.zeros(()),
    )
    noise = (0.5 * total + 0.5).clamp(0, 1)[:, None].to(inputs.dtype)
    share = 0.05 * strength("perlin_noise", severity, inputs)
    return from_unit(to_unit(inputs, task).mul_(1 - share).add_(noise, alpha=share), task)


def _noise(
    order: torch.Tensor, gradients: torch.Tensor, y: torch.Tensor, x: torch.Tensor
) -> torch.Tensor:
    """Return gradient noise at places ``(1, height, 1)`` and ``(1, 1, width)``, a cell a pixel of 1."""
    top, left = y.floor().long(), x.floor().long()
    down, across = y - top, x - left

    def towards(below: int, right: int) -> torch.Tensor:
        """The gradient of a corner of the cell, times the way from there."""
        row = order[:, ((top + below) % KINDS).flatten()][:, :, None]
        kind = order.gather(1, ((row + (left + right) % KINDS) % KINDS).flatten(1))
        found = gradients.gather(1, kind[..., None].expand(-1, -1, 2))
        part_y, part_x = found.view(len(order), y.shape[1], x.shape[2], 2).unbind(-1)
        return part_y * (down - below) + part_x * (across - right)

    ease_y, ease_x = (one**2 * (3 - 2 * one) for one in (down, across))
    left_side = torch.lerp(towards(0, 0), towards(1, 0), ease_y.expand(len(order), -1, x.shape[2]))
    right_side = torch.lerp(towards(0, 1), towards(1, 1), ease_y.expand(len(order), -1, x.shape[2]))
    return 1.5 * torch.lerp(left_side, right_side, ease_x.expand_as(left_side))
