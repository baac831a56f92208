"""Corrupted images as the published files of ImageNet-C have them: saved once more as JPEG."""

from __future__ import annotations

import torch

from harness.api import Task
from harness_shifts.jpeg_compression import through_jpeg
from harness_shifts.options import CorruptionOptions


def save(inputs: torch.Tensor, task: Task, options: CorruptionOptions) -> torch.Tensor:
    """Return images as they are read from a JPEG of `options.jpeg`, by Pillow, or as they are.

    make_imagenet_c.py of github.com/hendrycks/robustness writes at quality 85 with colours at half the resolution.
    Examples that are no images are returned as they are.

    inputs: ``(batch, channels, height, width)`` in [task.low, task.high], or uint8.
    """
    if options.jpeg is None or task.modality != "image":
        return inputs
    return through_jpeg(inputs, options.jpeg, task)
