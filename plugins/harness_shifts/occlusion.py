"""A grey square before a part of the image."""

from __future__ import annotations

import torch

from harness.api import Draws, Task
from harness_shifts.severity import at_severity

# Shares of the image's shorter side, so 4 to 36 % of a square image. No published table: chosen here.
SIDES = (0.2, 0.3, 0.4, 0.5, 0.6)


def apply(inputs: torch.Tensor, severity: int, draws: Draws, task: Task) -> torch.Tensor:
    """Return the image with a square of mid-grey, wholly inside, at a place of each example's own.

    inputs: ``(batch, channels, height, width)`` in [task.low, task.high].
    """
    height, width = inputs.shape[-2:]
    side = max(1, round(at_severity(SIDES, severity) * min(height, width)))
    place = draws.uniform("occlusion", (2,)).to(inputs.device)
    hidden = torch.ones((len(inputs), 1, 1), dtype=torch.bool, device=inputs.device)
    for axis, length in enumerate((height, width)):
        start = (place[:, axis] * (length - side + 1)).long().view(-1, 1)
        index = torch.arange(length, device=inputs.device)
        within = (index >= start) & (index < start + side)
        hidden = hidden & (within[:, :, None] if axis == 0 else within[:, None, :])
    return inputs.masked_fill(hidden[:, None], (task.low + task.high) / 2)
