"""JPEG: what compression leaves of the image."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import torch

from harness.api import Task
from harness_shifts import jpeg
from harness_shifts.jpeg import Levels
from harness_shifts.pixels import as_unit, from_unit, shorter_side, to_levels
from harness_shifts.severity import at_side

AT_ONCE = 1 << 17  # pixels of the pictures that are compressed together, and by one thread
QUALITY = {
    32: (80, 65, 58, 50, 40),
    64: (65, 58, 50, 40, 25),
    224: (25, 18, 15, 10, 7),
}


def apply(inputs: torch.Tensor, severity: int, task: Task) -> torch.Tensor:
    """Return the image, rounded to 8 bits, written as JPEG and read again, by Pillow.

    Three channels are a picture in colour, whose colours are kept at half the resolution; of any
    other number each is a grey picture of its own.

    inputs: ``(batch, channels, height, width)`` in [task.low, task.high], or uint8.

    Source: Hendrycks & Dietterich 2019.
    """
    quality = at_side(QUALITY, severity, shorter_side(inputs))
    return through_jpeg(inputs, quality, task)


def through_jpeg(inputs: torch.Tensor, quality: int, task: Task) -> torch.Tensor:
    """Return images as they come back from JPEG of a quality of 1 to 95: of uint8, or in [task.low, task.high] and rounded to that."""
    if inputs.dtype == torch.uint8:
        return compress(inputs, quality)
    levels = to_levels(as_unit(inputs, task) * 255)
    found = compress(levels, quality).to(inputs.dtype)
    return from_unit(found.mul_(1 / 255), task)


def compress(images: torch.Tensor, quality: int) -> torch.Tensor:
    """Return images, uint8, as they come back from JPEG."""
    host = images.cpu().contiguous()
    found = torch.empty_like(host)
    if images.shape[1] == 3:
        sides = host.transpose(0, 1), found.transpose(0, 1)
    else:
        sides = host.flatten(0, 1)[None], found.flatten(0, 1)[None]
    once = max(1, AT_ONCE // host[0, 0].numel())
    some = [[part.numpy() for part in torch.split(one, once, dim=1)] for one in sides]
    through = partial(_compress, quality=quality)
    if torch.get_num_threads() > 1 and len(some[0]) > 1:
        with ThreadPoolExecutor(torch.get_num_threads()) as pool:
            list(pool.map(through, *some))
    else:
        list(map(through, *some))
    return found.to(images.device)


def _compress(levels: Levels, into: Levels, quality: int) -> None:
    """Fill `into` from pictures ``(channels, pictures, height, width)``, of one channel or three."""
    _, number, height, width = levels.shape
    if number > 1 and len(levels) == 1:
        into[0] = jpeg.grey_stack(levels[0], quality)
    elif number > 1 and jpeg.is_stack_of_colour(height, width):
        into[:] = jpeg.colour_stack(levels, quality)
    else:
        for place in range(number):
            for one, channel in zip(
                into[:, place], jpeg.read_back(levels[:, place], quality), strict=True
            ):
                one[:] = channel
