"""Pixels kept where noise of high frequencies is above a threshold, the others black."""

from __future__ import annotations

import torch

from harness.api import Draws, Task
from harness_shifts.c_bar import strength
from harness_shifts.pixels import from_unit, to_unit
from harness_shifts.spectral_noise import distance_from_middle, spectral_noise


def apply(inputs: torch.Tensor, severity: int, draws: Draws, task: Task) -> torch.Tensor:
    """Return the image where noise, whose amplitude grows with frequency, is above 0.3 c - 2.5 deviations.

    inputs: ``(batch, channels, height, width)`` in [task.low, task.high].

    Source: ImageNet-C-bar, Mintun, Kirillov & Xie 2021.
    """
    noise = spectral_noise(draws, "blue_noise_sample", distance_from_middle(inputs))
    threshold = 0.3 * strength("blue_noise_sample", severity, inputs) - 2.5
    return from_unit(to_unit(inputs, task).mul_(noise[:, None] > threshold), task)
