"""Convolutions of small maps with few channels as one product of matrices: a CPU's convolutions count each channel as sixteen."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

_LANES = 16  # channels that oneDNN computes together; fewer are filled up with zeros
_SHARE = 0.3  # of the multiplications that a convolution makes so, up to which a product takes less


def is_product(convolution: nn.Conv2d, given: torch.Size, made: torch.Size) -> bool:
    """Whether a product with a matrix of all pixels, most of which is zeros, takes less than a convolution.

    given, made: the shapes of its inputs and outputs, ``(batch, channels, height, width)``.
    """
    if convolution.padding_mode != "zeros":
        return False
    taps = math.prod(convolution.kernel_size) * math.prod(made[2:])
    channels = max(_LANES, given[1] // convolution.groups) * max(_LANES, made[1])
    return math.prod(given[1:]) * math.prod(made[1:]) <= _SHARE * taps * channels


class ConvolutionProduct(nn.Conv2d):
    """A convolution as y = W x + b over all pixels, for passes without gradients of weights; maps come out channels innermost.

    Put in the place of a convolution padded with zeros, with what that one holds, and `given`, the shape of maps for which a product takes
    less: larger ones, of which the matrix grows as their square, are convolved. Sums are rounded otherwise, and what is infinite becomes NaN.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Return the maps; input: ``(batch, channels, height, width)``."""
        if input.shape[1:] != vars(self)["given"][1:]:
            return super().forward(input.contiguous(memory_format=torch.channels_last))
        plain = input.is_contiguous()
        known = vars(self).setdefault("_matrices", {})  # of weights that nobody changes
        if (input.shape[1:], plain) not in known:
            known[input.shape[1:], plain] = self._matrix(input.shape[1:], plain)
        matrix, bias, (made, rows, columns) = known[input.shape[1:], plain]
        flat = (input if plain else input.permute(0, 2, 3, 1)).reshape(len(input), -1)
        maps = functional.linear(flat, matrix, bias)
        return maps.view(len(input), rows, columns, made).permute(0, 3, 1, 2)

    @torch.no_grad()
    def _matrix(self, shape: torch.Size, plain: bool) -> tuple[Tensor, Tensor | None, torch.Size]:
        """Return W ``(outputs, inputs)``, b, and the shape of an output.

        plain: whether inputs lie channel by channel, or with their channels side by side as the outputs.
        """
        settings = (self.stride, self.padding, self.dilation, self.groups)
        places, made = _places(self.weight.shape, settings, shape, plain)
        weights = functional.pad(self.weight.flatten(), (1, 0))
        matrix = weights.index_select(0, places).view(-1, math.prod(shape))
        bias = None if self.bias is None else self.bias.repeat(made[1] * made[2])
        return matrix, bias, made


@lru_cache(maxsize=16)
def _places(
    weight: torch.Size, settings: tuple[Any, ...], shape: torch.Size, plain: bool
) -> tuple[Tensor, torch.Size]:
    """Return which weight, from 1 on, each output takes each input by, ``(outputs x inputs,)``, 0 for none, and the shape of an output."""
    count = math.prod(shape)
    numbers = torch.arange(1, math.prod(weight) + 1, dtype=torch.float64).view(weight)
    pixels = torch.eye(count, dtype=torch.float64).view(count, *shape)
    found = functional.conv2d(pixels, numbers, None, *settings)  # of one pixel each
    by_pixel = found.round().long().permute(2, 3, 1, 0).reshape(-1, *shape)
    if not plain:
        by_pixel = by_pixel.permute(0, 2, 3, 1)
    return by_pixel.flatten(), found.shape[1:]
