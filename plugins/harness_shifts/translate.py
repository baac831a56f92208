"""The image moved in a direction of its own."""

from __future__ import annotations

import math

import torch

from harness.api import Draws, Task
from harness_shifts.resample import centred, read_at
from harness_shifts.severity import at_severity

# Shares of the image's shorter side. No published table: chosen here.
SHARES = (0.04, 0.08, 0.12, 0.16, 0.20)


def apply(inputs: torch.Tensor, severity: int, draws: Draws, task: Task) -> torch.Tensor:
    """Return the image moved by the severity's share of its shorter side; the border is repeated.

    inputs: ``(batch, channels, height, width)`` in [task.low, task.high].
    """
    height, width = inputs.shape[-2:]
    angle = 2 * math.pi * draws.uniform("translate").to(inputs.device, inputs.dtype)
    way = at_severity(SHARES, severity) * min(height, width)
    down, across = ((way * turn(angle)).view(-1, 1, 1) for turn in (torch.sin, torch.cos))
    y = centred(height, inputs).view(1, -1, 1) - down
    x = centred(width, inputs).view(1, 1, -1) - across
    places = (place.expand(-1, height, width) for place in (y, x))
    return read_at(inputs, *places).clamp_(task.low, task.high)
