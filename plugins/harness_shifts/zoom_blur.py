"""Zoom blur: the image and itself, ever larger, averaged."""

from __future__ import annotations

import math

import torch
from torch.nn import functional

from harness.api import Task
from harness_shifts.pixels import from_unit, shorter_side, to_unit
from harness_shifts.severity import at_side

# How many zooms, the first of which is none, and how much each adds: as many as numpy.arange gives in the
# published scripts, whose ends are at times among them by rounding (1 to 1.06 has seven).
ZOOMS_AND_STEP = {
    32: ((7, 0.01), (12, 0.01), (16, 0.01), (21, 0.01), (26, 0.01)),
    64: ((7, 0.01), (12, 0.01), (16, 0.01), (21, 0.01), (26, 0.01)),
    224: ((12, 0.01), (16, 0.01), (11, 0.02), (13, 0.02), (11, 0.03)),
}


def apply(inputs: torch.Tensor, severity: int, task: Task) -> torch.Tensor:
    """Return the mean of the image and of its zooms about the centre; a zoom of 1 is one of them.

    inputs: ``(batch, channels, height, width)`` in [task.low, task.high].

    Source: Hendrycks & Dietterich 2019.
    """
    zooms, step = at_side(ZOOMS_AND_STEP, severity, shorter_side(inputs))
    images = to_unit(inputs, task)
    total = images * 2
    for zoom in range(1, zooms):
        # numpy.arange's own values: 1.25 is a bit more there, and 26 pixels become 33, not 32.
        total += zoomed(images, 1 + zoom * ((1 + step) - 1))
    return from_unit(total.div_(zooms + 1), task)


def zoomed(images: torch.Tensor, factor: float) -> torch.Tensor:
    """Enlarge the middle of ``(batch, channels, height, width)`` to the same size, bilinearly.

    Pixels are taken as points: the corner pixels of the cut lie on those of what it becomes.
    """
    sizes = images.shape[-2:]
    for dim, size in zip((2, 3), sizes, strict=True):
        cut = math.ceil(size / factor)
        images = images.narrow(dim, (size - cut) // 2, cut)
    large = [round(cut * factor) for cut in images.shape[-2:]]
    images = functional.interpolate(images, size=large, mode="bilinear", align_corners=True)
    for dim, size in zip((2, 3), sizes, strict=True):
        images = images.narrow(dim, (images.shape[dim] - size) // 2, size)
    return images
