"""Which pixel stands for one beyond the image's border, for images of any size.

A window may be larger than the image: reflections go on, back and forth, as in OpenCV and SciPy.
"""

from __future__ import annotations

import torch


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
