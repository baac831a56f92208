"""The image larger or smaller about its centre."""

from __future__ import annotations

import torch

from harness.api import Draws, Task
from harness_shifts.resample import centred, read_at
from harness_shifts.severity import at_severity

# Factors of the sides, or one over them. No published table: chosen here.
FACTORS = (1.1, 1.2, 1.3, 1.45, 1.6)


def apply(inputs: torch.Tensor, severity: int, draws: Draws, task: Task) -> torch.Tensor:
    """Return the image with sides that are the severity's factor longer, or shorter, by each example's draw.

    What a larger image has outside is cropped; around a smaller one the border is repeated.

    inputs: ``(batch, channels, height, width)`` in [task.low, task.high].
    """
    height, width = inputs.shape[-2:]
    factor = at_severity(FACTORS, severity)
    grows = (draws.uniform("zoom") < 0.5).to(inputs.device)
    step = torch.where(grows, 1 / factor, factor).to(inputs.dtype).view(-1, 1, 1)
    y = step * centred(height, inputs).view(1, -1, 1)
    x = step * centred(width, inputs).view(1, 1, -1)
    places = (place.expand(-1, height, width) for place in (y, x))
    return read_at(inputs, *places).clamp_(task.low, task.high)
