"""`densenet`: networks whose layers read all layers before them."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from harness_architectures.image_options import DensenetOptions
from harness_architectures.image_scale import stem_stride, strides
from harness_architectures.initialisation import initialise, start_convolutions
from harness_architectures.layers import ACTIVATIONS, MAP_NORMALISATIONS, convolve

# Huang et al. 2017, table 1: the layers of each block.
PUBLISHED = {121: (6, 12, 24, 16), 169: (6, 12, 32, 32), 201: (6, 12, 48, 32)}
PUBLISHED_GROWTH, SMALL_GROWTH = 32, 8
BOTTLENECK = 4  # channels of a layer's 1 x 1 convolution, over the growth
STEM = 2  # channels of the stem, over the growth


class DenseLayer(nn.Module):
    """1 x 1 and 3 x 3 convolutions, each normalised first; what they make is put beside what they were given.

    ``(batch, given, height, width)`` -> ``(batch, given + growth, height, width)``; Huang et al. 2017, equation 2, and
    "Bottleneck layers".
    """

    def __init__(self, given: int, growth: int, options: DensenetOptions) -> None:
        """Build for so many channels."""
        super().__init__()
        inner = BOTTLENECK * growth
        self.layers = nn.Sequential(
            *_normalised(given, options),
            nn.Conv2d(given, inner, 1, bias=False),
            *_normalised(inner, options),
            nn.Conv2d(inner, growth, 3, padding=1, bias=False),
            nn.Dropout(options.dropout),
        )

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the inputs and the new maps."""
        return torch.cat([inputs, self.layers(inputs)], 1)


class Densenet(nn.Module):
    """Huang, Liu, van der Maaten & Weinberger 2017, "Densely connected convolutional networks": DenseNet-BC.

    ``(batch, channels, height, width)`` -> ``(batch, num_classes)``. Blocks of dense layers; between two of them a 1 x 1
    convolution halves the channels and an average the maps, unless that would leave fewer than 4 pixels a side; the
    mean over the image, a linear head. Without a depth it is the network for small images of section 4.2, of `blocks` of
    `layers`; with one that of table 1, whose stem (7 x 7 in steps of 2, then a maximum in steps of 2) images below 128
    pixels pass by for a 3 x 3 convolution. Convolutions start as in He et al. 2015 (fan out).
    """

    def __init__(
        self, input_shape: tuple[int, ...], num_classes: int, options: DensenetOptions
    ) -> None:
        """Build for inputs ``(channels, height, width)``."""
        super().__init__()
        given, *sides = input_shape
        counts = (options.layers,) * options.blocks
        growth = options.growth or SMALL_GROWTH
        shrinks = 1
        if options.depth is not None:
            counts = PUBLISHED[options.depth]
            growth = options.growth or PUBLISHED_GROWTH
            shrinks = stem_stride(min(sides), len(counts) - 1, (4, 1))
        width = STEM * growth
        layers: list[nn.Module] = [
            convolve(
                given,
                width,
                7 if shrinks > 1 else 3,
                2 if shrinks > 1 else 1,
                normalisation=options.normalisation,
                activation=options.activation,
            )
        ]
        if shrinks > 1:
            layers.append(nn.MaxPool2d(3, 2, padding=1))
        steps = [1, *strides(min(sides) // shrinks, len(counts) - 1)]
        for block, (count, step) in enumerate(zip(counts, steps, strict=True)):
            if block > 0:
                layers += [
                    *_normalised(width, options),
                    nn.Conv2d(width, width // 2, 1, bias=False),
                ]
                width //= 2
            if step == 2:
                layers.append(nn.AvgPool2d(2))
            for _ in range(count):
                layers.append(DenseLayer(width, growth, options))
                width += growth
        self.features = nn.Sequential(*layers, *_normalised(width, options))
        self.head = nn.Linear(width, num_classes)
        nn.init.zeros_(self.head.bias)
        start_convolutions(self)
        initialise(self, options.initialisation, options.activation)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return logits ``(batch, num_classes)``."""
        maps = self.features(inputs)  # (batch, channels, height', width')
        logits: Tensor = self.head(maps.mean((2, 3)))
        return logits


def _normalised(channels: int, options: DensenetOptions) -> tuple[nn.Module, nn.Module]:
    """Return the normalisation and the activation before a convolution."""
    return (
        MAP_NORMALISATIONS[options.normalisation](channels),
        ACTIVATIONS[options.activation](),
    )


def build(input_shape: tuple[int, ...], num_classes: int, options: DensenetOptions) -> Densenet:
    """Build a `Densenet` for inputs ``(channels, height, width)``."""
    return Densenet(input_shape, num_classes, options)
