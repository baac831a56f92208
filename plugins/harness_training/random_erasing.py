"""`random-erasing`: replace a rectangle of an image by noise."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from harness.api import Draws, Task
from harness_training.options import RandomErasingOptions
from harness_training.rectangles import inside


def build(task: Task, options: RandomErasingOptions) -> Callable[[Tensor, Draws], Tensor]:
    """Return a function of images ``(batch, channels, height, width)`` that replaces a rectangle of some of them.

    Zhong, Zheng, Kang, Li & Yang 2020, "Random erasing data augmentation", algorithm 1: its share of the area is uniform between
    `smallest` and `largest`, the ratio of its sides between 0.3 and 1/0.3 (uniform in the logarithm, as in timm), its place
    uniform where it fits; a side that is longer than the image's is cut to that, where the paper draws again.
    Its pixels are uniform in the task's range, or the mean of the channel.
    """
    means = torch.tensor(task.mean).view(1, -1, 1, 1)

    def erase(inputs: Tensor, draws: Draws) -> Tensor:
        rows, columns = inputs.shape[2:]
        chosen, size, shape, down, across = draws.uniform("erase", (5,)).unbind(1)
        area = options.smallest + (options.largest - options.smallest) * size
        ratio = torch.exp((2 * shape - 1) * math.log(1 / 0.3))  # of height over width
        pixels = area * rows * columns
        high = (pixels * ratio).sqrt().round().clamp(1, rows)
        wide = (pixels / ratio).sqrt().round().clamp(1, columns)
        top, left = ((down * (rows - high + 1)).floor(), (across * (columns - wide + 1)).floor())
        gone = inside(top, top + high, left, left + wide, rows, columns)
        gone &= (chosen < options.probability).view(-1, 1, 1, 1)
        if options.fill == "mean":
            filling = means.to(inputs)
        else:
            noise = draws.uniform("erase/noise", tuple(inputs.shape[1:]))
            filling = (task.low + (task.high - task.low) * noise).to(inputs)
        return torch.where(gone.to(inputs.device), filling, inputs)

    return erase
