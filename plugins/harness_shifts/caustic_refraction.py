"""The image under rippled water that bends and gathers light."""

from __future__ import annotations

import math

import torch
from torch.nn import functional

from harness.api import Draws, Task
from harness_shifts.blur import kernel, weighted
from harness_shifts.borders import mirror
from harness_shifts.c_bar import between, places, strength
from harness_shifts.pixels import as_unit, from_unit, shorter_side

ETA = 4.0  # the ratio of the refractive indices
LENS = 0.05  # of the side, for a strength of 1
LIGHT = 0.2


def apply(inputs: torch.Tensor, severity: int, draws: Draws, task: Task) -> torch.Tensor:
    """Take each pixel from where the slope of the caustics sends the light, and light it by that slope.

    inputs: ``(batch, channels, height, width)`` in [task.low, task.high].

    Source: ImageNet-C-bar, Mintun, Kirillov & Xie 2021.
    """
    drawn = draws.uniform("caustic_refraction", (2,)).to(inputs.device).unbind(1)
    side = shorter_side(inputs)
    time, size = between(0.5, 2, drawn[0]), between(0.75, 1.25, drawn[1]) * side
    rows, columns = places(inputs)
    light = caustics(rows / size, columns / size, time).to(inputs.dtype)[:, None]
    light = weighted(light, kernel(1.0), mirror)[:, 0].double()
    around = functional.pad(light, (1, 1, 1, 1))
    down = around[:, 2:, 1:-1] - around[:, :-2, 1:-1]
    across = around[:, 1:-1, 2:] - around[:, 1:-1, :-2]
    amount = strength("caustic_refraction", severity, inputs)
    moved = bend(down, across) * (amount * LENS * side)
    found = _read(as_unit(inputs, task), rows + moved * down, columns + moved * across)
    return from_unit(
        found.add_((down - across)[:, None].to(inputs.dtype), alpha=amount * LIGHT), task
    )


def caustics(y: torch.Tensor, x: torch.Tensor, time: torch.Tensor) -> torch.Tensor:
    """Return the brightness, 0 to 1, at places of which 1 is where the pattern begins again."""
    first, second = (one.remainder(1) * (2 * math.pi) - 250 for one in (y + 0 * x, x + 0 * y))
    a, b = first, second
    total = torch.ones_like(a)
    for n in range(5):
        t = time * (1 - 3.5 / (n + 1))
        a, b = (
            first + torch.cos(t - a) + torch.sin(t + b),
            second + torch.sin(t - b) + torch.cos(t + a),
        )
        length = torch.hypot(first * 0.005 / torch.sin(a + t), second * 0.005 / torch.cos(b + t))
        total = total + 1 / length
    return (1.17 - (total / 5) ** 1.4).abs().pow(8).clamp(0, 1)


def bend(down: torch.Tensor, across: torch.Tensor) -> torch.Tensor:
    """Return what a slope is multiplied with to give how far light that falls straight down goes aside.

    By Snell's law on a lens whose normal is (down, across, 1); a slope below one in twenty-two bends nothing.
    """
    size = (down**2 + across**2 + 1).sqrt()
    upright = 1 / size
    aside = (1 - upright**2).clamp(min=1e-12).sqrt()
    out = torch.asin(aside / ETA)
    factor = (torch.cos(out) - torch.sin(out) * upright / aside) / size
    return torch.where(upright >= 1 - 1e-3, 0.0, factor)


def _read(images: torch.Tensor, y: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """Read images at places ``(batch, height, width)``: bilinear, black outside."""
    height, width = images.shape[-2:]
    grid = torch.stack((2 * x / max(width - 1, 1) - 1, 2 * y / max(height - 1, 1) - 1), -1)
    return functional.grid_sample(images, grid.to(images.dtype), align_corners=True)
