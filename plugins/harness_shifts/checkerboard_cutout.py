"""Grey squares in the black fields of a chess board that lies askew."""

from __future__ import annotations

import math

import torch

from harness.api import Draws, Task
from harness_shifts.c_bar import between, places, strength
from harness_shifts.pixels import from_unit, shorter_side, to_unit

GREY = 128 / 255
FIELDS = 40  # along a side of the board at most


def apply(inputs: torch.Tensor, severity: int, draws: Draws, task: Task) -> torch.Tensor:
    """Return the image with a share of 0.1 c of every second field grey; fields are 10 to 25 % of the side.

    inputs: ``(batch, channels, height, width)`` in [task.low, task.high].

    Source: ImageNet-C-bar, Mintun, Kirillov & Xie 2021.
    """
    side = shorter_side(inputs)
    turn, size = draws.uniform("checkerboard_cutout", (2,)).to(inputs.device).unbind(1)
    angle = between(0, 2 * math.pi, turn)
    field = (between(0.1, 0.25, size) * side).clamp_(min=1)
    rows, columns = places(inputs)
    y = (torch.cos(angle) * rows + torch.sin(angle) * columns) / field
    x = (torch.cos(angle) * columns - torch.sin(angle) * rows) / field
    same = y.remainder(2).trunc() == x.remainder(2).trunc()
    # Towards 0 from either side, and from the other end of the board where that is negative, as published.
    fields = (4 * side / field).floor().long().clamp_(max=FIELDS)
    index = (y.trunc().long() % fields) * FIELDS + x.trunc().long() % fields
    drawn = draws.uniform("checkerboard_cutout/fields", (FIELDS * FIELDS,)).to(inputs.device)
    chosen = drawn.gather(1, index.flatten(1)).view_as(index)
    grey = same & (chosen < 0.1 * strength("checkerboard_cutout", severity, inputs))
    return from_unit(to_unit(inputs, task).masked_fill_(grey[:, None], GREY), task)
