"""`googlenet`: GoogLeNet, of inception modules."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from harness_architectures.image_options import GooglenetOptions
from harness_architectures.image_scale import stem_stride, strides
from harness_architectures.initialisation import initialise, start_convolutions
from harness_architectures.layers import convolve

# Szegedy et al. 2015, table 1: of each module the channels of its 1 x 1 branch, of the 3 x 3 one (reduced, then made), of
# the 5 x 5 one, and of the one that pools.
STAGES: tuple[tuple[tuple[int, ...], ...], ...] = (
    ((64, 96, 128, 16, 32, 32), (128, 128, 192, 32, 96, 64)),
    (
        (192, 96, 208, 16, 48, 64),
        (160, 112, 224, 24, 64, 64),
        (128, 128, 256, 24, 64, 64),
        (112, 144, 288, 32, 64, 64),
        (256, 160, 320, 32, 128, 128),
    ),
    ((256, 160, 320, 32, 128, 128), (384, 192, 384, 48, 128, 128)),
)
POOLS = (3, 3, 2)  # kernel of the pooling before each stage
WIDTH = 64


class Inception(nn.Module):
    """Four branches beside one another, Szegedy et al. 2015, figure 2b.

    ``(batch, channels_in, height, width)`` -> ``(batch, the branches' channels together, height, width)``.
    """

    def __init__(self, given: int, channels: tuple[int, ...], options: GooglenetOptions) -> None:
        """channels: as in `STAGES`."""
        super().__init__()
        one, reduce3, made3, reduce5, made5, pooled = (
            _in_proportion(count, options) for count in channels
        )
        self.channels = one + made3 + made5 + pooled
        self.branches = nn.ModuleList(
            (
                _convolve(given, one, 1, options),
                nn.Sequential(
                    _convolve(given, reduce3, 1, options), _convolve(reduce3, made3, 3, options)
                ),
                nn.Sequential(
                    _convolve(given, reduce5, 1, options), _convolve(reduce5, made5, 3, options)
                ),
                nn.Sequential(nn.MaxPool2d(3, 1, padding=1), _convolve(given, pooled, 1, options)),
            )
        )

    def forward(self, inputs: Tensor) -> Tensor:
        """Return what the branches make, joined."""
        return torch.cat([branch(inputs) for branch in self.branches], 1)


class Googlenet(nn.Module):
    """Szegedy et al. 2015, "Going deeper with convolutions", table 1, without its auxiliary heads.

    ``(batch, channels, height, width)`` -> ``(batch, num_classes)``. As in the published weights of torchvision (and
    TensorFlow before), convolutions are normalised over batches and the 5 x 5 ones are 3 x 3: 6.6 M parameters with width
    64. Below 128 pixels the first convolution is 3 x 3 in steps of 1 and not pooled, and no other pooling leaves
    fewer than 4 pixels a side. Convolutions start as in He et al. 2015 (fan out).
    """

    def __init__(
        self, input_shape: tuple[int, ...], num_classes: int, options: GooglenetOptions
    ) -> None:
        """Build for inputs ``(channels, height, width)``."""
        super().__init__()
        channels, *sides = input_shape
        shrinks = stem_stride(min(sides), len(STAGES), (4, 1))
        first, second = _in_proportion(64, options), _in_proportion(192, options)
        layers: list[nn.Module] = [
            _convolve(channels, first, 7 if shrinks > 1 else 3, options, 2 if shrinks > 1 else 1)
        ]
        if shrinks > 1:
            layers.append(nn.MaxPool2d(3, 2, ceil_mode=True))
        layers += [_convolve(first, first, 1, options), _convolve(first, second, 3, options)]
        given = second
        steps = strides(min(sides) // shrinks, len(STAGES))
        for stage, kernel, step in zip(STAGES, POOLS, steps, strict=True):
            if step == 2:
                layers.append(nn.MaxPool2d(kernel, 2, ceil_mode=True))
            for module in stage:
                layers.append(Inception(given, module, options))
                given = layers[-1].channels  # type: ignore[assignment]
        self.features = nn.Sequential(*layers)
        self.dropout = nn.Dropout(options.dropout)
        self.head = nn.Linear(given, num_classes)
        start_convolutions(self)
        initialise(self, options.initialisation, options.activation)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return logits ``(batch, num_classes)``."""
        maps = self.features(inputs)  # (batch, channels, height', width')
        logits: Tensor = self.head(self.dropout(maps.mean((2, 3))))
        return logits


def _in_proportion(channels: int, options: GooglenetOptions) -> int:
    return max(1, round(channels * options.width / WIDTH))


def _convolve(
    given: int, made: int, kernel: int, options: GooglenetOptions, stride: int = 1
) -> nn.Sequential:
    return convolve(
        given,
        made,
        kernel,
        stride,
        normalisation=options.normalisation,
        activation=options.activation,
    )


def build(input_shape: tuple[int, ...], num_classes: int, options: GooglenetOptions) -> Googlenet:
    """Build a `Googlenet` for inputs ``(channels, height, width)``."""
    return Googlenet(input_shape, num_classes, options)
