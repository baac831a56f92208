"""Wavy rings about a point, over the image."""

from __future__ import annotations

import torch

from harness.api import Draws, Task
from harness_shifts.c_bar import between, places, strength
from harness_shifts.pixels import from_unit, shorter_side, to_unit

INTENSITY = 12.8 / 255  # for a strength of 1


def apply(inputs: torch.Tensor, severity: int, draws: Draws, task: Task) -> torch.Tensor:
    """Add c times a saw tooth, -1/2 to 1/2, of the distance to a point, which waves with the angle.

    inputs: ``(batch, channels, height, width)`` in [task.low, task.high].

    Source: ImageNet-C-bar (cocentric_sine_waves as published), Mintun, Kirillov & Xie 2021.
    """
    drawn = draws.uniform("cocentric_sine_waves", (5,)).to(inputs.device).unbind(1)
    side = shorter_side(inputs)
    height, width = inputs.shape[-2:]
    left, top = between(0, width, drawn[0]), between(0, height, drawn[1])
    often = between(0, 10, drawn[2])
    amplitude, ring = (between(0, side / 10, one) for one in drawn[3:])
    rows, columns = places(inputs)
    across, down = columns - left, rows - top
    distance = torch.hypot(across, down)
    distance = distance + torch.sin(torch.atan2(across, down) * often) * amplitude
    ring = ring.clamp(min=1e-6)
    tooth = (distance.remainder(ring) / ring - 0.5)[:, None].to(inputs.dtype)
    most = strength("cocentric_sine_waves", severity, inputs) * INTENSITY
    return from_unit(to_unit(inputs, task).add_(tooth, alpha=most), task)
