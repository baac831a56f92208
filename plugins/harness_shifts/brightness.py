"""More brightness: the value of HSV raised."""

from __future__ import annotations

import torch

from harness.api import Task
from harness_shifts.pixels import as_unit, from_unit, largest_channel, shorter_side
from harness_shifts.severity import at_side

ADDED = {
    32: (0.05, 0.1, 0.15, 0.2, 0.3),
    64: (0.1, 0.2, 0.3, 0.4, 0.5),
    224: (0.1, 0.2, 0.3, 0.4, 0.5),
}
NEARLY_BLACK = 1e-9


def apply(inputs: torch.Tensor, severity: int, task: Task) -> torch.Tensor:
    """Return the image with c added to V, the largest of a pixel's channels, at most to 1.

    Hue and saturation stay, so all channels of a pixel grow by one factor; black becomes grey. A
    single channel grows by c.

    inputs: ``(batch, channels, height, width)`` in [task.low, task.high].

    Source: Hendrycks & Dietterich 2019.
    """
    # Black has no hue that could be kept: so little in all channels grows into grey.
    images = as_unit(inputs, task).clamp(min=NEARLY_BLACK)
    value = largest_channel(images)
    raised = (value + at_side(ADDED, severity, shorter_side(inputs))).clamp_(max=1)
    return from_unit(images.mul_(raised.div_(value)), task)
