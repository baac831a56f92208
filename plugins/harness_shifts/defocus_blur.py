"""Out of focus: every point becomes a disk."""

from __future__ import annotations

import math
from functools import lru_cache

import torch

from harness.api import Task
from harness_shifts.borders import mirror_about_pixel, padded
from harness_shifts.pixels import as_unit, from_unit, shorter_side
from harness_shifts.severity import at_side, length_scale

# The disk's radius in pixels, and the standard deviation of the Gaussian that softens its edge.
RADIUS_AND_SOFTNESS = {
    32: ((0.3, 0.4), (0.4, 0.5), (0.5, 0.6), (1.0, 0.2), (1.5, 0.1)),
    64: ((0.5, 0.6), (1.0, 0.1), (1.5, 0.1), (2.5, 0.01), (3.0, 0.1)),
    224: ((3.0, 0.1), (4.0, 0.5), (6.0, 0.5), (8.0, 0.5), (10.0, 0.5)),
}
SMALL_WINDOW = 8  # pixels to each side, up to a radius of as many; beyond, as far as the radius


def apply(inputs: torch.Tensor, severity: int, task: Task) -> torch.Tensor:
    """Return the image filtered with a disk, its border mirrored about the outermost pixels.

    inputs: ``(batch, channels, height, width)`` in [task.low, task.high].

    Source: Hendrycks & Dietterich 2019.
    """
    side = shorter_side(inputs)
    radius, softness = at_side(RADIUS_AND_SOFTNESS, severity, side)
    scale = length_scale(side)
    return from_unit(spread(as_unit(inputs, task), radius * scale, softness * scale), task)


@lru_cache(maxsize=16)
def disk(radius: float, softness: float) -> torch.Tensor:
    """Return a disk's weights, ``(size, size)`` in float64: a pixel is inside or not, then softened.

    The Gaussian that softens has 3 by 3 pixels up to a radius of 8 and 5 by 5 beyond.
    """
    small = radius <= SMALL_WINDOW
    reach = SMALL_WINDOW if small else math.ceil(radius)
    line = torch.arange(-reach, reach + 1, dtype=torch.float64)
    inside = (line[:, None] ** 2 + line[None] ** 2 <= radius**2).to(torch.float64)
    size = len(line)
    offsets = torch.arange(3 if small else 5) - (1 if small else 2)
    soft = torch.exp(-0.5 * (offsets / softness).double() ** 2)
    soft /= soft.sum()
    for dim in (0, 1):
        moved = [
            inside.index_select(dim, mirror_about_pixel(torch.arange(size) + offset, size))
            for offset in offsets.tolist()
        ]
        inside = sum(
            (weight * one for weight, one in zip(soft, moved, strict=True)), torch.zeros(())
        )
    return inside / (line[:, None] ** 2 + line[None] ** 2 <= radius**2).sum()


def spread(images: torch.Tensor, radius: float, softness: float) -> torch.Tensor:
    """Filter ``(batch, channels, height, width)`` with a disk, by Fourier transforms."""
    height, width = images.shape[-2:]
    reach = len(disk(radius, softness)) // 2
    images = padded(images, (reach, reach), (reach, reach), mirror_about_pixel)
    whole = tuple(_quick_size(length) for length in images.shape[-2:])
    response = _response(radius, softness, whole).to(images.device)
    found: torch.Tensor = torch.fft.irfft2(torch.fft.rfft2(images, s=whole).mul_(response), s=whole)
    return found[..., 2 * reach : 2 * reach + height, 2 * reach : 2 * reach + width]


@lru_cache(maxsize=16)
def _response(radius: float, softness: float, whole: tuple[int, ...]) -> torch.Tensor:
    response: torch.Tensor = torch.fft.rfft2(disk(radius, softness).float(), s=whole)
    return response


def _quick_size(least: int) -> int:
    """Return the first number from `least` on that has no prime factor above 5."""
    size = least
    while True:
        rest = size
        for factor in (2, 3, 5):
            while rest % factor == 0:
                rest //= factor
        if rest == 1:
            return size
        size += 1
