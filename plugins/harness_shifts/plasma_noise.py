"""Coloured plasma, mixed with the image."""

from __future__ import annotations

import math

import torch

from harness.api import Draws, Task
from harness_shifts.c_bar import between, places, strength
from harness_shifts.pixels import from_unit, grey, shorter_side, to_unit

SHARE = 6.4 / 255  # of the plasma, for a strength of 1
ITERATIONS = (4, 5, 6)


def apply(inputs: torch.Tensor, severity: int, draws: Draws, task: Task) -> torch.Tensor:
    """Return (1 - c) * x + c * plasma, whose colours are sines, -1 to 1, of places that were folded again and again.

    inputs: ``(batch, channels, height, width)`` in [task.low, task.high]; what has not three channels gets the
    plasma's luma.

    Source: ImageNet-C-bar, Mintun, Kirillov & Xie 2021.
    """
    drawn = draws.uniform("plasma_noise", (3,)).to(inputs.device).unbind(1)
    time, sharp = between(0, 6 * math.pi, drawn[0]), between(0.5, 1, drawn[1])
    scale = between(0.075, 0.2, drawn[2]) * shorter_side(inputs)
    times = draws.integers("plasma_noise/times", len(ITERATIONS)).to(inputs.device).view(-1, 1, 1)
    rows, columns = places(inputs)
    x, y = columns / scale + 0 * rows, rows / scale + 0 * columns
    size, slow, narrow = 1.0, 1.0, torch.ones_like(time)
    for step in range(max(ITERATIONS)):
        a = torch.cos(y * size + time / slow) / narrow
        b = torch.sin(x * size + time / slow) / narrow
        going = step < times + min(ITERATIONS)
        x = torch.where(going, x + a - 0.3 * b, x)
        y = torch.where(going, y + b + 0.3 * a, y)
        size, slow, narrow = size * 1.93, slow * 1.15, narrow * (2.25 - sharp)
    colours = torch.sin(x - time), torch.sin((x + y + torch.sin(time)) / 2), torch.sin(y + time)
    plasma = torch.stack(colours, 1).to(inputs.dtype)
    if inputs.shape[1] != 3:
        plasma = grey(plasma)
    share = strength("plasma_noise", severity, inputs) * SHARE
    return from_unit(to_unit(inputs, task).mul_(1 - share).add_(plasma, alpha=share), task)
