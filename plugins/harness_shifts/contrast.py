"""Less contrast: values pulled towards the image's mean."""

from __future__ import annotations

import torch

from harness.api import Task
from harness_shifts.pixels import shorter_side
from harness_shifts.severity import at_side

# The factor on the distance from the mean.
FACTOR = {
    32: (0.75, 0.5, 0.4, 0.3, 0.15),
    64: (0.4, 0.3, 0.2, 0.1, 0.05),
    224: (0.4, 0.3, 0.2, 0.1, 0.05),
}


def apply(inputs: torch.Tensor, severity: int, task: Task) -> torch.Tensor:
    """Return m + c * (x - m), where m is the mean of the image's channel.

    inputs: ``(batch, channels, height, width)`` in [task.low, task.high].

    Source: Hendrycks & Dietterich 2019.
    """
    factor = at_side(FACTOR, severity, shorter_side(inputs))
    mean = inputs.mean(dim=(2, 3), keepdim=True)
    return torch.lerp(mean, inputs, factor).clamp_(task.low, task.high)
