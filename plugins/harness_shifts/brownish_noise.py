"""Coloured noise of low frequencies."""

from __future__ import annotations

import torch

from harness.api import Draws, Task
from harness_shifts.c_bar import strength
from harness_shifts.pixels import from_unit, to_unit
from harness_shifts.spectral_noise import distance_from_middle, spectral_noise

DEVIATION = 6.4 / 255  # for a strength of 1


def apply(inputs: torch.Tensor, severity: int, draws: Draws, task: Task) -> torch.Tensor:
    """Add noise to each channel whose amplitude falls with the square of the frequency.

    inputs: ``(batch, channels, height, width)`` in [task.low, task.high].

    Source: ImageNet-C-bar, Mintun, Kirillov & Xie 2021.
    """
    power = 1 / (distance_from_middle(inputs) ** 2 + 1)
    noise = torch.stack(
        [spectral_noise(draws, f"brownish_noise/{one}", power) for one in range(inputs.shape[1])], 1
    )
    most = strength("brownish_noise", severity, inputs) * DEVIATION
    return from_unit(to_unit(inputs, task).add_(noise.to(inputs.dtype), alpha=most), task)
