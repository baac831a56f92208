"""JPEG: what compression leaves of the image."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import torch
from PIL import Image

from harness.api import Task
from harness_shifts.pixels import from_unit, shorter_side, to_unit
from harness_shifts.severity import at_side

Array = np.ndarray[Any, Any]

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
    return from_unit(compress(to_unit(inputs, task), quality), task)


def compress(images: torch.Tensor, quality: int) -> torch.Tensor:
    """Return images of 0 to 1, rounded to 8 bits, as they come back from JPEG of a quality of 1 to 95."""
    levels = (images * 255).round_().to(torch.int32).cpu()
    if levels.shape[1] != 3:
        pictures = levels.to(torch.uint8).flatten(0, 1).numpy()
        read = [_through_jpeg(one, "L", "L", quality) for one in pictures]
        found = torch.from_numpy(np.stack(read)).view(levels.shape)
        return found.to(images.device, images.dtype).div_(255)
    red, green, blue = levels.unbind(1)
    # A pixel is four bytes, as Pillow keeps it: red, green, blue and one unused.
    pixels = (blue << 8).bitwise_or_(green).bitwise_left_shift_(8).bitwise_or_(red).numpy()
    if torch.get_num_threads() > 1:
        with ThreadPoolExecutor(torch.get_num_threads()) as pool:
            read = list(pool.map(lambda one: _through_jpeg(one, "RGB", "RGBX", quality), pixels))
    else:
        read = [_through_jpeg(one, "RGB", "RGBX", quality) for one in pixels]
    packed = torch.from_numpy(np.stack(read)).to(images.device)
    coloured = torch.empty_like(images)
    for channel, shift in enumerate((0, 8, 16)):
        coloured[:, channel] = (packed >> shift).bitwise_and_(255)
    return coloured.div_(255)


def _through_jpeg(pixels: Array, mode: str, raw: str, quality: int) -> Array:
    """Return a picture ``(height, width)`` of 1 (grey) or 4 bytes a pixel, written and read by Pillow's codec alone.

    Its files are those of `Image.save`, less a header in Python, which takes twice as long as the codec at 32 px.
    """
    size = pixels.shape[1], pixels.shape[0]
    picture = Image.frombuffer(raw, size, pixels, "raw", raw, 0, 1)
    file = picture.tobytes("jpeg", mode, quality)
    read = Image.frombytes(mode, size, file, "jpeg", mode, "").tobytes("raw", raw)
    return np.frombuffer(read, pixels.dtype).reshape(pixels.shape)
