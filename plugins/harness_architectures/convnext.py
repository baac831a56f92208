"""`convnext`: a convolutional network after the pattern of transformers."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from harness_architectures.image_options import ConvnextOptions
from harness_architectures.image_scale import stem_stride, strides
from harness_architectures.initialisation import initialise, zero_branches
from harness_architectures.layers import (
    ACTIVATIONS,
    FEATURE_NORMALISATIONS,
    ChannelsLast,
    StochasticDepth,
    depth_rates,
)

# Liu et al. 2022, section 3: the channels of the first stage, and the blocks of each.
PUBLISHED = {
    "tiny": (96, (3, 3, 9, 3)),
    "small": (96, (3, 3, 27, 3)),
    "base": (128, (3, 3, 27, 3)),
    "large": (192, (3, 3, 27, 3)),
}
KERNEL = 7
EXPANSION = 4
STD = 0.02


class ConvnextBlock(nn.Module):
    """A 7 x 7 convolution by channel, a norm, two linear layers over channels; added to what it was given.

    ``(batch, channels, height, width)``; Liu et al. 2022, figure 4. The branch is scaled by channel (Touvron et al. 2021,
    "Going deeper with image transformers", LayerScale).
    """

    def __init__(self, channels: int, rate: float, options: ConvnextOptions) -> None:
        """rate: of leaving the branch out in training."""
        super().__init__()
        self.scale = nn.Parameter(torch.full((channels, 1, 1), options.layer_scale))
        self.convolution = nn.Conv2d(
            channels, channels, KERNEL, padding=KERNEL // 2, groups=channels
        )
        self.mlp = nn.Sequential(
            FEATURE_NORMALISATIONS[options.normalisation](channels),
            nn.Linear(channels, EXPANSION * channels),
            ACTIVATIONS[options.activation](),
            nn.Linear(EXPANSION * channels, channels),
        )
        self.drop = StochasticDepth(rate)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return maps of the same shape."""
        pixels = self.convolution(inputs).permute(0, 2, 3, 1)  # (batch, height, width, channels)
        branch = self.mlp(pixels).permute(0, 3, 1, 2)
        result: Tensor = inputs + self.drop(self.scale * branch)
        return result


class Convnext(nn.Module):
    """Liu, Mao, Wu, Feichtenhofer, Darrell & Xie 2022, "A ConvNet for the 2020s".

    ``(batch, channels, height, width)`` -> ``(batch, num_classes)``. A stem of patches, stages of blocks with `width`, 2
    `width`, ... channels, between two of them a norm and a 2 x 2 convolution in steps of 2 (3 x 3 in steps of 1 where
    fewer than 4 pixels a side would be left), the mean over the image, a norm, a linear head. Patches have 4 pixels a
    side, of small images 2 or, as a 3 x 3 convolution, 1: so that the last maps have at least 4 a side. With size "tiny"
    it is ConvNeXt-T, of 28.6 M parameters. Weights start from N(0, 0.02^2), cut off at 2.
    """

    def __init__(
        self, input_shape: tuple[int, ...], num_classes: int, options: ConvnextOptions
    ) -> None:
        """Build for inputs ``(channels, height, width)``."""
        super().__init__()
        given, *sides = input_shape
        first, counts = options.width, (options.blocks,) * options.stages
        if options.size is not None:
            first, counts = PUBLISHED[options.size]
        normalise = FEATURE_NORMALISATIONS[options.normalisation]
        patch = stem_stride(min(sides), len(counts) - 1, (4, 2, 1))
        stem = _shrink(given, first, patch)
        layers: list[nn.Module] = [stem, ChannelsLast(normalise(first))]
        rates = iter(depth_rates(options.stochastic_depth, sum(counts)))
        steps = [1, *strides(min(sides) // patch, len(counts) - 1)]
        for stage, (count, step) in enumerate(zip(counts, steps, strict=True)):
            channels = first * 2**stage
            if stage > 0:
                layers.append(ChannelsLast(normalise(channels // 2)))
                layers.append(_shrink(channels // 2, channels, step))
            layers += [ConvnextBlock(channels, next(rates), options) for _ in range(count)]
        self.features = nn.Sequential(*layers)
        self.norm = normalise(channels)
        self.head = nn.Linear(channels, num_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.trunc_normal_(module.weight, std=STD)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        initialise(self, options.initialisation, options.activation)
        if options.zero_residual:
            zero_branches(layer.mlp for layer in layers if isinstance(layer, ConvnextBlock))

    def forward(self, inputs: Tensor) -> Tensor:
        """Return logits ``(batch, num_classes)``."""
        maps = self.features(inputs)  # (batch, channels, height', width')
        logits: Tensor = self.head(self.norm(maps.mean((2, 3))))
        return logits


def _shrink(given: int, channels: int, step: int) -> nn.Conv2d:
    """Return a convolution of patches of `step` pixels a side; of single ones, with those around them."""
    return (
        nn.Conv2d(given, channels, step, step)
        if step > 1
        else nn.Conv2d(given, channels, 3, padding=1)
    )


def build(input_shape: tuple[int, ...], num_classes: int, options: ConvnextOptions) -> Convnext:
    """Build a `Convnext` for inputs ``(channels, height, width)``."""
    return Convnext(input_shape, num_classes, options)
