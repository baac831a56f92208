"""What becomes of images that are saved between two parts of a pipeline."""

from __future__ import annotations

import io

import numpy as np
import torch
from torch import Tensor

LEVELS = 255


def round_levels(images: Tensor, low: float, high: float) -> Tensor:
    """Return images at the nearest of the 256 levels of [low, high], as a careful writer has them."""
    return _from_levels(_to_levels(images, low, high).round(), low, high)


def floor_levels(images: Tensor, low: float, high: float) -> Tensor:
    """Return images at the level below, as a plain cast to uint8 has them.

    A level that float32 holds as a little less than it is, becomes the one below, as it does there.
    """
    return _from_levels(_to_levels(images, low, high).floor(), low, high)


def recompress(images: Tensor, low: float, high: float, quality: int) -> Tensor:
    """Return images ``(batch, 1 or 3, height, width)`` after Pillow's JPEG encoder and decoder.

    quality: 1 to 100. Colours are subsampled as Pillow does by default (4:2:0).
    """
    from PIL import Image

    levels = _to_levels(images, low, high).round().to(torch.uint8).cpu().numpy()
    decoded = np.empty_like(levels)
    for place, pixels in enumerate(levels):
        grey = len(pixels) == 1
        image = Image.fromarray(pixels[0] if grey else pixels.transpose(1, 2, 0))
        held = io.BytesIO()
        image.save(held, "jpeg", quality=quality)
        read = np.asarray(Image.open(held))
        decoded[place] = read[None] if grey else read.transpose(2, 0, 1)
    return _from_levels(torch.from_numpy(decoded).to(images), low, high)


def _to_levels(images: Tensor, low: float, high: float) -> Tensor:
    return ((images - low) / (high - low) * LEVELS).clamp(0, LEVELS)


def _from_levels(levels: Tensor, low: float, high: float) -> Tensor:
    return low + levels / LEVELS * (high - low)
