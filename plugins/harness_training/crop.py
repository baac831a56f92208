"""`crop`: move images by a few pixels."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from harness.api import Draws, Task
from harness_training.options import CropOptions


def build(task: Task, options: CropOptions) -> Callable[[Tensor, Draws], Tensor]:
    """Return a function that pads ``(batch, channels, height, width)`` and crops it at random.

    The padding is 0, or the end of the task's range that is nearest to it. Every offset from
    -pad to pad is as likely, in both directions (He et al. 2016, section 4.2: 4 pixels of 32).
    """
    height, width = task.input_shape[1:]
    pad = max(1, min(height, width) // 8) if options.pad is None else options.pad
    fill = min(max(0.0, task.low), task.high)

    def crop(inputs: Tensor, draws: Draws) -> Tensor:
        offsets = (draws.uniform("crop", (2,)) * (2 * pad + 1)).long().to(inputs.device)
        padded = functional.pad(inputs, (pad, pad, pad, pad), value=fill)
        batch, channels, rows, columns = inputs.shape
        row = offsets[:, 0, None] + torch.arange(rows, device=inputs.device)  # (batch, height)
        column = offsets[:, 1, None] + torch.arange(columns, device=inputs.device)
        example = torch.arange(batch, device=inputs.device).view(-1, 1, 1, 1)
        channel = torch.arange(channels, device=inputs.device).view(1, -1, 1, 1)
        return padded[example, channel, row[:, None, :, None], column[:, None, None, :]]

    return crop
