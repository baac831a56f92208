"""Images as the published corruptions take them: values from 0 to 1, in 8 bits, grey or in colour."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np
import torch

from harness.api import Task

LUMA = (0.299, 0.587, 0.114)  # of red, green and blue: ITU-R BT.601


def to_unit(inputs: torch.Tensor, task: Task) -> torch.Tensor:
    """Return a copy of inputs in [task.low, task.high], moved to [0, 1]."""
    images = as_unit(inputs, task)
    return images.clone() if images is inputs else images


def as_unit(inputs: torch.Tensor, task: Task) -> torch.Tensor:
    """Return what `to_unit` does, not to be changed: the inputs themselves where they are from 0 to 1 already."""
    if (task.low, task.high) == (0, 1):
        return inputs
    return (inputs - task.low).div_(task.high - task.low)


def from_unit(images: torch.Tensor, task: Task) -> torch.Tensor:
    """Clamp images to [0, 1] and move them to [task.low, task.high], in place."""
    images.clamp_(0, 1)
    if (task.low, task.high) == (0, 1):
        return images
    return images.mul_(task.high - task.low).add_(task.low).clamp_(task.low, task.high)


def to_levels(numbers: torch.Tensor) -> torch.Tensor:
    """Return numbers of 0 to 255 rounded to 8 bits, uint8; the numbers themselves are changed."""
    levels = numbers.round_().cpu().numpy().astype(np.uint8)  # a fifth of torch's time
    return torch.from_numpy(levels).to(numbers.device)


def shorter_side(images: torch.Tensor) -> int:
    """Return the smaller one of height and width of ``(batch, channels, height, width)``."""
    return min(images.shape[-2:])


def largest_channel(images: torch.Tensor) -> torch.Tensor:
    """Return the value V of HSV, ``(batch, 1, height, width)``."""
    return functools.reduce(torch.maximum, images.unbind(1))[:, None]


def smallest_channel(images: torch.Tensor) -> torch.Tensor:
    """Return what V less chroma is, ``(batch, 1, height, width)``."""
    return functools.reduce(torch.minimum, images.unbind(1))[:, None]


def grey(images: torch.Tensor) -> torch.Tensor:
    """Return ``(batch, 1, height, width)``: the luma of three channels, else their mean."""
    if images.shape[1] == 3:
        red, green, blue = images.unbind(1)
        return (LUMA[0] * red).add_(green, alpha=LUMA[1]).add_(blue, alpha=LUMA[2])[:, None]
    return images.mean(dim=1, keepdim=True)


def paint(colour: Sequence[float], images: torch.Tensor) -> torch.Tensor:
    """Return a colour (red, green, blue) as ``(1, channels, 1, 1)``: its luma where there are not three."""
    if images.shape[1] != 3:
        colour = [sum(a * b for a, b in zip(LUMA, colour, strict=True))] * images.shape[1]
    return torch.tensor(colour, dtype=images.dtype, device=images.device).view(1, -1, 1, 1)
