"""The outlines of drops: edges, distances to them, and filters of three by three pixels.

All take ``(batch, 1, height, width)`` and handle each image by itself. They compute what OpenCV's Canny,
distanceTransform, equalizeHist and filter2D do on 8-bit images; distances are exact here, where
OpenCV's with a mask of five pixels are so within some per cent.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch.nn import functional

from harness_shifts.borders import mirror_about_pixel, repeat

SOBEL = ((-1.0, 0.0, 1.0), (-2.0, 0.0, 2.0), (-1.0, 0.0, 1.0))
TAN_22 = math.tan(math.pi / 8)
TAN_67 = math.tan(3 * math.pi / 8)


def filtered(
    images: torch.Tensor,
    weights: Sequence[Sequence[float]],
    border: Callable[[torch.Tensor, int], torch.Tensor] = mirror_about_pixel,
) -> torch.Tensor:
    """Return the correlation with weights of three rows and three columns."""
    height, width = images.shape[-2:]
    for dim, size in ((2, height), (3, width)):
        index = border(torch.arange(-1, size + 1, device=images.device), size)
        images = images.index_select(dim, index)
    total = images.new_zeros((*images.shape[:2], height, width))
    for down, row in enumerate(weights):
        for across, weight in enumerate(row):
            if weight:
                part = images.narrow(2, down, height).narrow(3, across, width)
                total.add_(part, alpha=weight)
    return total


def edges(levels: torch.Tensor, low: float, high: float) -> torch.Tensor:
    """Return where Canny's edges are: the crests of the gradient above `low` that reach one above `high`.

    levels: 0 to 255. The gradient is Sobel's, the border repeated, its size |across| + |down|.

    Source: Canny 1986, "A computational approach to edge detection".
    """
    across = filtered(levels, SOBEL, repeat)
    down = filtered(levels, tuple(zip(*SOBEL, strict=True)), repeat)
    size = across.abs() + down.abs()
    padded = functional.pad(size, (1, 1, 1, 1))
    height, width = size.shape[-2:]

    def beside(y: int, x: int) -> torch.Tensor:
        return padded[..., 1 + y : 1 + y + height, 1 + x : 1 + x + width]

    flat = down.abs() < TAN_22 * across.abs()
    steep = down.abs() > TAN_67 * across.abs()
    horizontal = (size > beside(0, -1)) & (size >= beside(0, 1))
    vertical = (size > beside(-1, 0)) & (size >= beside(1, 0))
    falling = (size > beside(-1, -1)) & (size > beside(1, 1))
    rising = (size > beside(-1, 1)) & (size > beside(1, -1))
    diagonal = torch.where(across * down < 0, rising, falling)
    crest = torch.where(flat, horizontal, torch.where(steep, vertical, diagonal)) & (size > low)
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


def nearest_edge(found: torch.Tensor, farthest: float) -> torch.Tensor:
    """Return each pixel's Euclidean distance to the nearest one that is set, at most `farthest`."""
    reach = math.ceil(farthest)
    beyond = 2 * reach
    # Squares of whole numbers in 16 bits, which are quicker to go through than 32.
    rows = torch.full(found.shape, beyond, dtype=torch.int16, device=found.device)
    rows.masked_fill_(found, 0)
    for _ in range(min(reach, rows.shape[2] - 1)):  # each time a pixel farther, both ways
        further = rows + 1
        for start, end in ((1, 0), (0, 1)):
            some = rows.narrow(2, start, rows.shape[2] - 1)
            torch.minimum(some, further.narrow(2, end, rows.shape[2] - 1), out=some)
    nearest = rows.square()
    padded = functional.pad(nearest, (reach, reach), value=beyond**2)
    width = nearest.shape[3]
    for step in range(1, reach + 1):
        sides = (padded.narrow(3, reach + way * step, width) for way in (-1, 1))
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
