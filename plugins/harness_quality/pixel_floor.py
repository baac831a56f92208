"""The linear floor of problems that ask for the class of each pixel: a logistic regression of the pixels around it."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from harness.api import MeasureContext
from harness_quality.floor_models import logistic

SIDE = 5  # pixels of the square that a pixel is judged by
MOST_PIXELS = 2**16  # of training images that it learns from
BATCH_SIZE = 64


def linear_of_pixels(context: MeasureContext) -> Callable[[Tensor], Tensor]:
    """Return a function of images ``(batch, channels, height, width)`` that gives logits ``(batch, classes, height, width)``.

    Its 5 x 5 pixels by all channels are standardised; the border is repeated outwards. It learns from pixels drawn from all
    training images alike (seed 0); one whose mask says no class is left out.
    """
    classes, channels = context.task.outputs, context.task.in_channels
    generator = torch.Generator().manual_seed(0)
    squares, labels = [], []
    count = max(1, MOST_PIXELS // max(1, context.task.counts["train"]))  # of each image
    for inputs, targets, _ in context.split("train").batches(BATCH_SIZE):
        around = _padded(inputs.cpu())
        height, width = inputs.shape[-2:]
        rows = torch.arange(len(inputs)).repeat_interleave(count)
        down, across = (
            torch.randint(0, side, (len(rows),), generator=generator) for side in (height, width)
        )
        found = around.unfold(2, SIDE, 1).unfold(3, SIDE, 1)[rows, :, down, across]
        asked = targets.cpu()[rows, down, across].long()
        squares.append(found.flatten(1)[asked < classes].double())
        labels.append(asked[asked < classes])
    known, wanted = torch.cat(squares), torch.cat(labels)
    mean, deviation = known.mean(0), known.std(0, unbiased=False)
    deviation = torch.where(deviation > 1e-6 * mean.abs(), deviation, torch.inf)
    weights, bias = logistic((known - mean) / deviation, wanted, classes)
    scaled = weights / deviation[:, None]  # (channels * 5 * 5, classes)
    kernel = scaled.T.reshape(classes, channels, SIDE, SIDE).float().to(context.device)
    shift = (bias - mean @ scaled).float().to(context.device)
    return lambda inputs: functional.conv2d(_padded(inputs), kernel, shift)


def _padded(images: Tensor) -> Tensor:
    return functional.pad(images, [SIDE // 2] * 4, mode="replicate")
