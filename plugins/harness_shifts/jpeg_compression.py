"""JPEG: what compression leaves of the image."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import torch
from PIL import Image

from harness.api import Task
from harness_shifts.pixels import from_unit, shorter_side, to_unit
from harness_shifts.severity import at_side

QUALITY = {
    32: (80, 65, 58, 50, 40),
    64: (65, 58, 50, 40, 25),
    224: (25, 18, 15, 10, 7),
}


def apply(inputs: torch.Tensor, severity: int, task: Task) -> torch.Tensor:
    """Return the image, rounded to 8 bits, written as JPEG and read again, by Pillow.

    Three channels are a picture in colour, whose colours are kept at half the resolution; of any
    other number each is a grey picture of its own.

    inputs: ``(batch, channels, height, width)`` in [task.low, task.high].

    Source: Hendrycks & Dietterich 2019.
    """
    quality = at_side(QUALITY, severity, shorter_side(inputs))
    levels = to_unit(inputs, task).mul_(255).round_().to(torch.uint8).cpu()
    colour = levels.shape[1] == 3
    pictures = levels.movedim(1, -1) if colour else levels.flatten(0, 1)
    with ThreadPoolExecutor(torch.get_num_threads()) as pool:
        read = list(pool.map(lambda one: _through_jpeg(one, quality), pictures.numpy()))
    found = torch.from_numpy(np.stack(read)).view(pictures.shape)
    found = found.movedim(-1, 1) if colour else found.view(levels.shape)
    return from_unit(found.to(inputs.device, inputs.dtype).div_(255), task)


def _through_jpeg(pixels: np.ndarray[Any, Any], quality: int) -> np.ndarray[Any, Any]:
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))
