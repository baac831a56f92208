"""`vgg`: networks of 3 x 3 convolutions alone."""

from __future__ import annotations

from torch import Tensor, nn

from harness_architectures.image_options import VggOptions
from harness_architectures.image_scale import strides
from harness_architectures.initialisation import initialise, start_convolutions
from harness_architectures.layers import ACTIVATIONS, MAP_NORMALISATIONS, AverageDown

# Simonyan & Zisserman 2015, table 1, columns A, B, D and E: the convolutions of each stage.
PUBLISHED = {
    11: (1, 1, 2, 2, 2),
    13: (2, 2, 2, 2, 2),
    16: (2, 2, 3, 3, 3),
    19: (2, 2, 4, 4, 4),
}
SMALL_DEPTH, PUBLISHED_WIDTH, SMALL_WIDTH = 11, 64, 8
WIDEST = 8  # times the channels of the first stage
HIDDEN = 64  # units of a linear layer, over the channels of the first stage
SIDE = 7  # of the maps that the linear layers read


class Vgg(nn.Module):
    """Simonyan & Zisserman 2015, "Very deep convolutional networks for large-scale image recognition", table 1.

    ``(batch, channels, height, width)`` -> ``(batch, num_classes)``. Five stages of 3 x 3 convolutions, each followed by
    max-pooling unless that would leave fewer than 4 pixels a side; then two hidden layers under dropout. With
    normalisation "none" it is the paper's, which was trained from the weights of shallower networks, as from random ones
    it hardly learns; batch norm (Ioffe & Szegedy 2015), the default, does without that. Convolutions start as in He et
    al. 2015 (fan out).
    """

    def __init__(self, input_shape: tuple[int, ...], num_classes: int, options: VggOptions) -> None:
        """Build for inputs ``(channels, height, width)``."""
        super().__init__()
        given, *sides = input_shape
        counts = PUBLISHED[options.depth or SMALL_DEPTH]
        width = options.width or (SMALL_WIDTH if options.depth is None else PUBLISHED_WIDTH)
        activation = ACTIVATIONS[options.activation]
        layers: list[nn.Module] = []
        for stage, step in enumerate(strides(min(sides), len(counts))):
            made = width * min(WIDEST, 2**stage)
            for _ in range(counts[stage]):
                layers.append(nn.Conv2d(given, made, 3, padding=1))
                if options.normalisation != "none":
                    layers.append(MAP_NORMALISATIONS[options.normalisation](made))
                layers.append(activation())
                given = made
            if step == 2:
                layers.append(nn.MaxPool2d(2))
                sides = [side // 2 for side in sides]
        average = AverageDown(sides, SIDE)
        self.features = nn.Sequential(*layers, average)
        self.classifier = nn.Sequential(
            nn.Linear(given * average.pixels, HIDDEN * width),
            activation(),
            nn.Dropout(options.dropout),
            nn.Linear(HIDDEN * width, HIDDEN * width),
            activation(),
            nn.Dropout(options.dropout),
            nn.Linear(HIDDEN * width, num_classes),
        )
        start_convolutions(self)
        initialise(self, options.initialisation, options.activation)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return logits ``(batch, num_classes)``."""
        logits: Tensor = self.classifier(self.features(inputs).flatten(1))
        return logits


def build(input_shape: tuple[int, ...], num_classes: int, options: VggOptions) -> Vgg:
    """Build a `Vgg` for inputs ``(channels, height, width)``."""
    return Vgg(input_shape, num_classes, options)
