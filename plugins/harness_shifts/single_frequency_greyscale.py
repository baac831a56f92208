"""A grey wave over the image."""

from __future__ import annotations

import math

import torch

from harness.api import Draws, Task
from harness_shifts.c_bar import between, places, strength
from harness_shifts.pixels import from_unit, to_unit

INTENSITY = 19.6 / 255  # for a strength of 1


def apply(inputs: torch.Tensor, severity: int, draws: Draws, task: Task) -> torch.Tensor:
    """Add c * sin(f x + g y + phase): one of f and g is up to pi in size, the other no larger than that one.

    inputs: ``(batch, channels, height, width)`` in [task.low, task.high].

    Source: ImageNet-C-bar, Mintun, Kirillov & Xie 2021.
    """
    drawn = draws.uniform("single_frequency_greyscale", (4,)).to(inputs.device).unbind(1)
    first = between(-math.pi, math.pi, drawn[0])
    second = first.abs() * between(-1, 1, drawn[1])
    swapped = (drawn[2] < 0.5).view(-1, 1, 1)
    phase = between(0, 2 * math.pi, drawn[3])
    rows, columns = places(inputs)
    across, down = (torch.where(swapped, *pair) for pair in ((second, first), (first, second)))
    wave = torch.sin(columns * across + rows * down + phase)[:, None].to(inputs.dtype)
    most = strength("single_frequency_greyscale", severity, inputs) * INTENSITY
    return from_unit(to_unit(inputs, task).add_(wave, alpha=most), task)
