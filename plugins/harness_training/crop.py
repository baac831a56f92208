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
    pad = _pad(task, options)
    fill = min(max(0.0, task.low), task.high)

    def crop(inputs: Tensor, draws: Draws) -> Tensor:
        offsets = _offsets(draws, pad).to(inputs.device)
        padded = functional.pad(inputs, (pad, pad, pad, pad), value=fill)
        batch, channels, rows, columns = inputs.shape
        row = offsets[:, 0, None] + torch.arange(rows, device=inputs.device)  # (batch, height)
        column = offsets[:, 1, None] + torch.arange(columns, device=inputs.device)
        example = torch.arange(batch, device=inputs.device).view(-1, 1, 1, 1)
        channel = torch.arange(channels, device=inputs.device).view(1, -1, 1, 1)
        return padded[example, channel, row[:, None, :, None], column[:, None, None, :]]

    return crop


def moves(task: Task, options: CropOptions, draws: Draws) -> Tensor:
    """Return where each pixel's content comes from ``(batch, 3, 3)``; see `Augmentation.moves`."""
    pad = _pad(task, options)
    down, across = (_offsets(draws, pad) - pad).double().unbind(1)
    maps = torch.eye(3, dtype=torch.float64, device=down.device).repeat(len(down), 1, 1)
    maps[:, 0, 2], maps[:, 1, 2] = across, down
    return maps


def _pad(task: Task, options: CropOptions) -> int:
    return max(1, min(task.input_shape[1:]) // 8) if options.pad is None else options.pad


def _offsets(draws: Draws, pad: int) -> Tensor:
    """Return the corners of the crops in the padded images ``(batch, 2)``, down and across."""
    return (draws.uniform("crop", (2,)) * (2 * pad + 1)).long()
