"""The block that `mobilenet` and `efficientnet` are made of, and the way of both through an image."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from harness_architectures.image_options import EfficientnetOptions, MobilenetOptions
from harness_architectures.image_scale import stem_stride, strides
from harness_architectures.initialisation import initialise, start_convolutions, zero_branches
from harness_architectures.layers import ACTIVATIONS, StochasticDepth, convolve, depth_rates

MULTIPLE = 8
SQUEEZE = 4  # channels that a block is given, over those of the layer between in its squeeze-and-excitation


@dataclass(frozen=True)
class Stage:
    """Blocks of one kind. halves: the first one of them; expansion: of channels inside a block, over those it is given."""

    expansion: int
    channels: int
    blocks: int
    halves: bool
    kernel: int = 3

    def scaled(self, width: float, depth: float) -> Stage:
        """Return it with channels times `width` and blocks times `depth`, rounded up."""
        blocks = max(1, math.ceil(self.blocks * depth))
        channels = round_channels(self.channels * width)
        return Stage(self.expansion, channels, blocks, self.halves, self.kernel)


def round_channels(channels: float) -> int:
    """Return the nearest multiple of 8 that is no less than 90 % of them, as the authors' code has it."""
    rounded = max(MULTIPLE, int(channels + MULTIPLE / 2) // MULTIPLE * MULTIPLE)
    return rounded + MULTIPLE if rounded < 0.9 * channels else rounded


class SqueezeExcitation(nn.Module):
    """Weigh channels by what the whole image shows, Hu, Shen & Sun 2018, figure 2; ``(batch, channels, height, width)``."""

    def __init__(self, channels: int, inner: int, activation: str) -> None:
        """inner: units of the layer between."""
        super().__init__()
        self.weigh = nn.Sequential(
            nn.Conv2d(channels, inner, 1),
            ACTIVATIONS[activation](),
            nn.Conv2d(inner, channels, 1),
            nn.Sigmoid(),
        )

    def forward(self, maps: Tensor) -> Tensor:
        """Return maps of the same shape."""
        result: Tensor = maps * self.weigh(maps.mean((2, 3), keepdim=True))
        return result


class InvertedResidual(nn.Module):
    """A 1 x 1 convolution to more channels, one by channel, a 1 x 1 one to few: Sandler et al. 2018, table 1.

    ``(batch, given, height, width)`` -> ``(batch, channels, height', width')``. What it was given is added where the shape
    is the same; the last convolution has no activation.
    """

    def __init__(
        self,
        given: int,
        stage: Stage,
        stride: int,
        rate: float,
        options: MobilenetOptions | EfficientnetOptions,
        *,
        squeezes: bool,
    ) -> None:
        """rate: of leaving the branch out in training."""
        super().__init__()
        made = partial(convolve, normalisation=options.normalisation, activation=options.activation)
        inner = given * stage.expansion
        layers: list[nn.Module] = []
        if stage.expansion != 1:
            layers.append(made(given, inner, 1))
        layers.append(made(inner, inner, stage.kernel, stride, groups=inner))
        if squeezes:
            layers.append(SqueezeExcitation(inner, max(1, given // SQUEEZE), options.activation))
        last = made(inner, stage.channels, 1, activation=None)
        self.branch = nn.Sequential(*layers, last)
        self.adds = stride == 1 and given == stage.channels
        self.drop = StochasticDepth(rate)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the block's maps."""
        branch: Tensor = self.branch(inputs)
        return inputs + self.drop(branch) if self.adds else branch


class InvertedResidualNet(nn.Module):
    """A 3 x 3 stem, stages of inverted residuals, a 1 x 1 convolution, the mean over the image, a linear head.

    ``(batch, channels, height, width)`` -> ``(batch, num_classes)``. The stem halves images from 128 pixels on; a stage
    that halves does so unless that would leave fewer than 4 pixels a side. Convolutions start as in He et al. 2015
    (fan out), the head from N(0, 0.01^2).
    """

    def __init__(
        self,
        input_shape: tuple[int, ...],
        num_classes: int,
        stages: Sequence[Stage],
        ends: tuple[int, int],
        options: MobilenetOptions | EfficientnetOptions,
        *,
        squeezes: bool,
    ) -> None:
        """ends: channels of the stem and of the last convolution."""
        super().__init__()
        made = partial(convolve, normalisation=options.normalisation, activation=options.activation)
        channels, *sides = input_shape
        given, last = ends
        halving = [stage for stage in stages if stage.halves]
        stride = stem_stride(min(sides), len(halving), (2, 1))
        layers: list[nn.Module] = [made(channels, given, 3, stride)]
        steps = iter(strides(min(sides) // stride, len(halving)))
        rates = iter(depth_rates(options.stochastic_depth, sum(stage.blocks for stage in stages)))
        for stage in stages:
            step = next(steps) if stage.halves else 1
            for index in range(stage.blocks):
                moved = step if index == 0 else 1
                layers.append(
                    InvertedResidual(given, stage, moved, next(rates), options, squeezes=squeezes)
                )
                given = stage.channels
        layers.append(made(given, last, 1))
        self.features = nn.Sequential(*layers)
        self.dropout = nn.Dropout(options.dropout)
        self.head = nn.Linear(last, num_classes)
        start_convolutions(self)
        nn.init.normal_(self.head.weight, std=0.01)
        nn.init.zeros_(self.head.bias)
        initialise(self, options.initialisation, options.activation)
        if options.zero_residual:
            blocks = (layer for layer in layers if isinstance(layer, InvertedResidual))
            zero_branches(block.branch for block in blocks if block.adds)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return logits ``(batch, num_classes)``."""
        maps = self.features(inputs)  # (batch, channels, height', width')
        logits: Tensor = self.head(self.dropout(torch.mean(maps, (2, 3))))
        return logits
