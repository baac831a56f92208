"""Ways to halve maps: what is kept of each 2 x 2 pixels, and what happens to it when the image moves by one."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

BINOMIAL = (1.0, 2.0, 1.0)


class Blur(nn.Module):
    """A binomial blur of 3 x 3 pixels by channel in steps of 2, borders mirrored: Zhang 2019, section 3.2.

    "Making convolutional networks shift-invariant again", arXiv:1904.11486. ``(batch, channels, height, width)``; sides of two
    pixels or more are halved, rounded up.
    """

    kernel: Tensor

    def __init__(self) -> None:
        """Build the filter, which is not learnt."""
        super().__init__()
        line = torch.tensor(BINOMIAL) / sum(BINOMIAL)
        self.register_buffer("kernel", torch.outer(line, line)[None, None], persistent=False)

    def forward(self, maps: Tensor) -> Tensor:
        """Return maps of half the sides."""
        channels = maps.shape[1]
        kernel = self.kernel.to(maps.dtype).expand(channels, 1, 3, 3)
        padded = functional.pad(maps, (1, 1, 1, 1), mode="reflect")
        return functional.conv2d(padded, kernel, stride=2, groups=channels)


def pool(kind: str) -> nn.Module:
    """Return what halves maps: "max", "average", "max-blur", maxima in steps of 1 and then a blur (Zhang 2019, equation 2), or
    "strided", which leaves them as they are, as their convolution has halved them.
    """
    if kind == "max-blur":
        return nn.Sequential(nn.MaxPool2d(2, stride=1), Blur())
    if kind == "strided":
        return nn.Identity()
    return nn.AvgPool2d(2) if kind == "average" else nn.MaxPool2d(2)


def halved(side: int, kind: str) -> int:
    """Return the side of maps that were halved: rounded down, by a convolution in steps of 2 up."""
    return -(-side // 2) if kind == "strided" else side // 2
