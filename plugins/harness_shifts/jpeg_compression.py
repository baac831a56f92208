"""JPEG: what compression leaves of the image."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import torch
from PIL import Image

from harness.api import Task
from harness_shifts.pixels import as_unit, from_unit, shorter_side
from harness_shifts.severity import at_side

AT_ONCE = 1 << 15  # pixels of the picture that small ones are put into
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
    return through_jpeg(inputs, quality, task)


def through_jpeg(inputs: torch.Tensor, quality: int, task: Task) -> torch.Tensor:
    """Return images in [task.low, task.high], rounded to 8 bits, as they come back from JPEG of a quality of 1 to 95."""
    return from_unit(compress(as_unit(inputs, task), quality), task)


def compress(images: torch.Tensor, quality: int) -> torch.Tensor:
    """Return images of 0 to 1, rounded to 8 bits, as they come back from JPEG."""
    host = images.cpu()
    found = torch.empty_like(host, memory_format=torch.contiguous_format)
    if images.shape[1] == 3:
        mode, sides = "RGB", (host.transpose(0, 1), found.transpose(0, 1))
    else:
        mode, sides = "L", (host.flatten(0, 1)[None], found.flatten(0, 1)[None])
    once = max(1, AT_ONCE // host[0, 0].numel())
    some = [torch.split(one, once, dim=1) for one in sides]
    through = partial(_compress, mode=mode, quality=quality)
    if torch.get_num_threads() > 1 and len(some[0]) > 1:
        with ThreadPoolExecutor(torch.get_num_threads()) as pool:
            list(pool.map(through, *some))
    else:
        list(map(through, *some))
    return found.to(images.device)


def _compress(channels: torch.Tensor, found: torch.Tensor, mode: str, quality: int) -> None:
    """Fill `found` from pictures ``(channels, pictures, height, width)``, a channel for each letter of Pillow's `mode`.

    Several are cut from one picture, one below the other, and put into one again: what surrounds Pillow's codec takes
    as long for a small picture as the codec. Files are those of `Image.save`, less a header in Python.
    """
    levels = (channels * 255).round_().numpy().astype(np.uint8, order="C")
    _, number, height, width = levels.shape
    size = width, number * height
    bands = [Image.frombuffer("L", size, one, "raw", "L", 0, 1) for one in levels]
    pictures = Image.merge(mode, bands)
    if number == 1:
        read = _read_back(pictures, quality)
    else:
        read = Image.new(mode, size)
        for top in range(0, size[1], height):
            box = (0, top, width, top + height)
            read.paste(_read_back(pictures.crop(box), quality), box)
    for band, channel in zip(mode, found.numpy(), strict=True):
        channel[...] = np.frombuffer(read.tobytes("raw", band), np.uint8).reshape(channel.shape)
    found.mul_(1 / 255)


def _read_back(picture: Image.Image, quality: int) -> Image.Image:
    file = picture.tobytes("jpeg", picture.mode, quality)
    return Image.frombytes(picture.mode, picture.size, file, "jpeg", picture.mode, "")
