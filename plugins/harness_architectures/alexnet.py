"""`alexnet`: AlexNet, with a smaller stem for smaller images."""

from __future__ import annotations

from torch import Tensor, nn

from harness_architectures.image_options import AlexnetOptions
from harness_architectures.image_scale import stem_stride, strides
from harness_architectures.initialisation import initialise
from harness_architectures.layers import ACTIVATIONS, MAP_NORMALISATIONS, AverageDown

PROPORTIONS = (1, 3, 6, 4, 4)  # of the channels of the convolutions: 64, 192, 384, 256, 256
KERNELS = (0, 5, 3, 3, 3)  # that of the first goes with its stride
HIDDEN = 64  # units of a linear layer, over the channels of the first convolution
POOLED = (0, 1, 4)  # convolutions after which maps are halved
SIDE = 6  # of the maps that the linear layers read


class Alexnet(nn.Module):
    """Krizhevsky, Sutskever & Hinton 2012, "ImageNet classification with deep convolutional neural networks".

    ``(batch, channels, height, width)`` -> ``(batch, num_classes)``. It is the network on one device of Krizhevsky 2014,
    "One weird trick for parallelizing convolutional neural networks", footnote 1: five convolutions, overlapping
    max-pooling, two hidden layers under dropout, without the response normalisation of 2012; 61.1 M parameters with
    width 64 at 224 pixels. Below 128 pixels the first convolution moves in steps of 2 (kernel 7) or 1 (kernel 5), and no
    pooling leaves fewer than 4 pixels a side; maps of more than 6 are averaged down.
    """

    def __init__(
        self, input_shape: tuple[int, ...], num_classes: int, options: AlexnetOptions
    ) -> None:
        """Build for inputs ``(channels, height, width)``."""
        super().__init__()
        given, *sides = input_shape
        stride = stem_stride(min(sides), len(POOLED), (4, 2, 1))
        kernels = (2 * stride + 3, *KERNELS[1:])
        sides = [(side + 4 - kernels[0]) // stride + 1 for side in sides]
        halvings = dict(zip(POOLED, strides(min(sides), len(POOLED)), strict=True))
        activation = ACTIVATIONS[options.activation]
        layers: list[nn.Module] = []
        for index, kernel in enumerate(kernels):
            made = options.width * PROPORTIONS[index]
            step, padding = (stride, 2) if index == 0 else (1, kernel // 2)
            layers += [
                nn.Conv2d(given, made, kernel, step, padding),
                MAP_NORMALISATIONS[options.normalisation](made),
                activation(),
            ]
            if halvings.get(index) == 2:
                layers.append(nn.MaxPool2d(3, 2, ceil_mode=True))
                sides = [side // 2 for side in sides]
            given = made
        average = AverageDown(sides, SIDE)
        self.features = nn.Sequential(*layers, average)
        hidden = HIDDEN * options.width
        self.classifier = nn.Sequential(
            nn.Dropout(options.dropout),
            nn.Linear(given * average.pixels, hidden),
            activation(),
            nn.Dropout(options.dropout),
            nn.Linear(hidden, hidden),
            activation(),
            nn.Linear(hidden, num_classes),
        )
        initialise(self, options.initialisation, options.activation)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return logits ``(batch, num_classes)``."""
        logits: Tensor = self.classifier(self.features(inputs).flatten(1))
        return logits


def build(input_shape: tuple[int, ...], num_classes: int, options: AlexnetOptions) -> Alexnet:
    """Build an `Alexnet` for inputs ``(channels, height, width)``."""
    return Alexnet(input_shape, num_classes, options)
