"""Convolutions of small maps with few channels as one product of matrices: a CPU's convolutions count each channel as sixteen."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

_LANES = 16  # channels that oneDNN computes together; fewer are filled up with zeros
_SHARE = 0.3  # of the multiplications that a convolution makes so, up to which a product takes less


def is_product(convolution: nn.Conv2d, given: torch.Size, made: torch.Size) -> bool:
    """Whether a product with a matrix of all pixels, most of which is zeros, takes less than a convolution.

    given, made: the shapes of its inputs and outputs, ``(batch, channels, height, width)``.
    """
    taps = math.prod(convolution.kernel_size) * math.prod(made[2:])
    channels = max(_LANES, given[1] // convolution.groups) * max(_LANES, made[1])
    return math.prod(given[1:]) * math.prod(made[1:]) <= _SHARE * taps * channels


class ConvolutionProduct(nn.Conv2d):
    """A convolution as y = W x + b over all pixels, for passes without gradients of weights; maps come out channels innermost.

    Put in a convolution's place with what that one holds. Sums are rounded otherwise, and what is infinite becomes NaN.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Return the maps; input: ``(batch, channels, height, width)``."""
        channels, height, width = input.shape[1:]
        plain = input.is_contiguous()
        matrix, bias, (made, rows, columns) = self._matrix((channels, height, width), plain)
        flat = input if plain else input.permute(0, 2, 3, 1)
        maps = functional.linear(flat.reshape(len(input), -1), matrix, bias)
        return maps.view(len(input), rows, columns, made).permute(0, 3, 1, 2)

    @torch.no_grad()
    def _matrix(
        self, shape: tuple[int, int, int], plain: bool
    ) -> tuple[Tensor, Tensor | None, tuple[int, int, int]]:
        """Return W ``(outputs, inputs)`` and b, which are computed once, and the shape of a map.

        plain: whether inputs lie channel by channel, or with their channels side by side as the outputs.
        """
        known = vars(self).setdefault("_matrices", {})
        if (shape, plain) not in known:
            count = math.prod(shape)
            pixels = torch.eye(count, dtype=self.weight.dtype, device=self.weight.device)
            found = self._conv_forward(pixels.view(count, *shape), self.weight, None)
            made, rows, columns = found.shape[1:]
            by_pixel = found.permute(0, 2, 3, 1).reshape(*shape, -1)
            if not plain:
                by_pixel = by_pixel.permute(1, 2, 0, 3)
            matrix = by_pixel.reshape(count, -1).t().contiguous()
            bias = None if self.bias is None else self.bias.repeat(rows * columns)
            known[shape, plain] = matrix, bias, (made, rows, columns)
        return known[shape, plain]  # type: ignore[no-any-return]
