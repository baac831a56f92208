"""Which pixel stands for one beyond the image's border, for images of any size.

A window may be larger than the image: reflections go on, back and forth, as in OpenCV and SciPy.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch.nn import functional

Border = Callable[[torch.Tensor, int], torch.Tensor]


def repeat(index: torch.Tensor, size: int) -> torch.Tensor:
    """Return positions with those outside moved to the border pixel: a a a | a b c d | d d d."""
    return index.clamp(0, size - 1)


def mirror(index: torch.Tensor, size: int) -> torch.Tensor:
    """Reflect about the border pixel's outer edge: c b a | a b c d | d c b."""
    index = index.remainder(2 * size)
    return torch.minimum(index, 2 * size - 1 - index)


def mirror_about_pixel(index: torch.Tensor, size: int) -> torch.Tensor:
    """Reflect about the border pixel's centre: d c b | a b c d | c b a."""
    if size == 1:
        return torch.zeros_like(index)
    index = index.remainder(2 * size - 2)
    return torch.minimum(index, 2 * size - 2 - index)


def padded(
    images: torch.Tensor, rows: tuple[int, int], columns: tuple[int, int], border: Border
) -> torch.Tensor:
    """Return ``(batch, channels, height, width)`` with so many more rows above and below, columns left and right."""
    height, width = images.shape[-2:]
    known = {repeat: "replicate", mirror_about_pixel: "reflect"}
    if border in known and max(rows) < height and max(columns) < width:
        return functional.pad(images, (*columns, *rows), mode=known[border])
    for dim, size, (before, after) in ((2, height, rows), (3, width, columns)):
        index = torch.arange(-before, size + after, device=images.device)
        images = images.index_select(dim, border(index, size))
    return images
