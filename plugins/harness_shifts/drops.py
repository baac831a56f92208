"""The outlines of drops: edges, distances to them, and filters of three by three pixels.

All take ``(batch, 1, height, width)`` and handle each image by itself. They compute what OpenCV's Canny,
distanceTransform, equalizeHist and filter2D do on 8-bit images; distances are exact here, where
OpenCV's with a mask of five pixels are so within some per cent.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch.nn import functional

from harness_shifts.borders import mirror_about_pixel, padded, repeat

TAN_22 = math.tan(math.pi / 8)
TAN_67 = math.tan(3 * math.pi / 8)


def filtered(images: torch.Tensor, weights: Sequence[Sequence[float]]) -> torch.Tensor:
    """Return the correlation with weights of three rows and three columns, mirrored about the border's pixels."""
    height, width = images.shape[-2:]
    images = padded(images, (1, 1), (1, 1), mirror_about_pixel)
    total = images.new_zeros((*images.shape[:2], height, width))
    for down, row in enumerate(weights):
        for across, weight in enumerate(row):
            if weight:
                part = images.narrow(2, down, height).narrow(3, across, width)
                total.add_(part, alpha=weight)
    return total


def averaged(images: torch.Tensor) -> torch.Tensor:
    """Return the mean of three rows and three columns, mirrored about the border's pixels."""
    images = padded(images, (1, 1), (1, 1), mirror_about_pixel)
    return _three(_three(images, 2, 1.0), 3, 1.0).div_(9)


def _three(images: torch.Tensor, dim: int, middle: float) -> torch.Tensor:
    """Return the sum of each pixel's neighbours and of itself so many times; two fewer along `dim`."""
    size = images.shape[dim] - 2
    before, itself, after = (images.narrow(dim, first, size) for first in range(3))
    return torch.add(before, itself, alpha=middle).add_(after)


def _step(images: torch.Tensor, dim: int) -> torch.Tensor:
    """Return what is after each pixel less what is before it; two fewer along `dim`."""
    size = images.shape[dim] - 2
    return images.narrow(dim, 2, size) - images.narrow(dim, 0, size)


def edges(levels: torch.Tensor, low: float, high: float) -> torch.Tensor:
    """Return where Canny's edges are: the crests of the gradient above `low` that reach one above `high`.

    levels: 0 to 255. The gradient is Sobel's, the border repeated, its size |across| + |down|.

    Source: Canny 1986, "A computational approach to edge detection".
    """
    levels = padded(levels, (1, 1), (1, 1), repeat)
    across = _step(_three(levels, 2, 2.0), 3)
    down = _step(_three(levels, 3, 2.0), 2)
    leaning = torch.lt(across * down, 0)
    across.abs_()
    down.abs_()
    size = across + down
    around = functional.pad(size, (1, 1, 1, 1))
    height, width = size.shape[-2:]

    def beside(y: int, x: int) -> torch.Tensor:
        return around[..., 1 + y : 1 + y + height, 1 + x : 1 + x + width]

    flat = down < TAN_22 * across
    steep = down > TAN_67 * across
    horizontal = (size > beside(0, -1)) & (size >= beside(0, 1))
    vertical = (size > beside(-1, 0)) & (size >= beside(1, 0))
    falling = (size > beside(-1, -1)) & (size > beside(1, 1))
    rising = (size > beside(-1, 1)) & (size > beside(1, -1))
    diagonal = _either(leaning, rising, falling)
    crest = _either(flat, horizontal, _either(steep, vertical, diagonal)) & (size > low)
    found = crest & (size > high)
    while True:
        grown = found
        for dim in (2, 3):  # by a pixel to all eight sides
            long, reached = grown.shape[dim] - 1, grown.clone()
            for start, end in ((0, 1), (1, 0)):
                reached.narrow(dim, start, long).logical_or_(grown.narrow(dim, end, long))
            grown = reached
        if torch.equal(grown.logical_and_(crest), found):
            return found
        found = grown


def _either(which: torch.Tensor, one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """Return one where `which` is set, else the other: `torch.where` of truth values, in a fifth of its time."""
    return (which & one) | (~which & other)


def nearest_edge(found: torch.Tensor, farthest: float) -> torch.Tensor:
    """Return each pixel's Euclidean distance to the nearest one that is set, at most `farthest`."""
    reach = math.ceil(farthest)
    beyond = 2 * reach
    # Squares of whole numbers in 16 bits, which are quicker to go through than 32.
    rows = found.logical_not().to(torch.int16).mul_(beyond)
    step = 1
    while step <= min(reach, rows.shape[2] - 1):  # every distance is a sum of such steps
        further, rest = rows + step, rows.shape[2] - step
        for start, end in ((step, 0), (0, step)):
            some = rows.narrow(2, start, rest)
            torch.minimum(some, further.narrow(2, end, rest), out=some)
        step *= 2
    nearest = rows * rows
    wide = functional.pad(nearest, (reach, reach), value=beyond**2)
    width = nearest.shape[3]
    for step in range(1, reach + 1):
        sides = (wide.narrow(3, reach + way * step, width) for way in (-1, 1))
        torch.minimum(nearest, torch.minimum(*sides).add_(step * step), out=nearest)
    return nearest.float().sqrt_().clamp_(max=farthest)


def equalized(levels: torch.Tensor, highest: int) -> torch.Tensor:
    """Return levels spread over 0 to 255 by their rank, the lowest one of each image to 0.

    levels: whole numbers from 0 to `highest`. An image of one level alone stays as it is.
    """
    kinds = torch.arange(highest + 1, device=levels.device, dtype=levels.dtype)
    which, firsts = levels.flatten(1).long(), torch.arange(len(levels), device=levels.device)
    numbers = which + firsts[:, None] * len(kinds)
    counts = torch.bincount(numbers.flatten(), minlength=len(levels) * len(kinds)).double()
    counts = counts.view(len(levels), -1)
    until = counts.cumsum(1)
    lowest = counts.gather(1, (counts > 0).long().argmax(1, keepdim=True))
    rest = levels[0].numel() - lowest
    spread = ((until - lowest).clamp_(min=0) * 255 / rest.clamp(min=1)).round_()
    table = torch.where(rest > 0, spread, kinds.double()).to(levels.dtype)
    return table.gather(1, which).view_as(levels)
