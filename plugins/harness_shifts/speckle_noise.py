"""Normal noise that grows with the value it falls on."""

from __future__ import annotations

import torch

from harness.api import Draws, Task
from harness_shifts.pixels import as_unit, from_unit, shorter_side
from harness_shifts.severity import at_side

STD = {
    32: (0.06, 0.1, 0.12, 0.16, 0.2),
    64: (0.15, 0.2, 0.25, 0.3, 0.35),
    224: (0.15, 0.2, 0.35, 0.45, 0.6),
}


def apply(inputs: torch.Tensor, severity: int, draws: Draws, task: Task) -> torch.Tensor:
    """Return x + x * s * n, with x in [0, 1] and n standard normal for every value.

    inputs: ``(batch, channels, height, width)`` in [task.low, task.high].

    Source: Hendrycks & Dietterich 2019 (speckle_noise, one of the four extra corruptions).
    """
    factor = at_side(STD, severity, shorter_side(inputs))
    noise = draws.normal("speckle_noise", tuple(inputs.shape[1:])).to(inputs.device, inputs.dtype)
    images = as_unit(inputs, task)
    return from_unit(torch.addcmul(images, images, noise, value=factor, out=noise), task)
