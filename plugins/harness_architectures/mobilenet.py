"""`mobilenet`: MobileNetV2, of convolutions by channel."""

from __future__ import annotations

from harness_architectures.image_options import MobilenetOptions
from harness_architectures.inverted_residual import InvertedResidualNet, Stage, round_channels

# Sandler et al. 2018, table 2.
STEM, LAST = 32, 1280
STAGES = (
    Stage(expansion=1, channels=16, blocks=1, halves=False),
    Stage(expansion=6, channels=24, blocks=2, halves=True),
    Stage(expansion=6, channels=32, blocks=3, halves=True),
    Stage(expansion=6, channels=64, blocks=4, halves=True),
    Stage(expansion=6, channels=96, blocks=3, halves=False),
    Stage(expansion=6, channels=160, blocks=3, halves=True),
    Stage(expansion=6, channels=320, blocks=1, halves=False),
)


class Mobilenet(InvertedResidualNet):
    """Sandler, Howard, Zhu, Zhmoginov & Chen 2018, "MobileNetV2: inverted residuals and linear bottlenecks", table 2.

    ``(batch, channels, height, width)`` -> ``(batch, num_classes)``. With width 1 and depth 1 it is the paper's, of 3.5 M
    parameters. Below width 1 the last convolution shrinks along, where the paper's keeps its 1280 channels.
    """

    def __init__(
        self, input_shape: tuple[int, ...], num_classes: int, options: MobilenetOptions
    ) -> None:
        """Build for inputs ``(channels, height, width)``."""
        super().__init__(
            input_shape,
            num_classes,
            [stage.scaled(options.width, options.depth) for stage in STAGES],
            (round_channels(STEM * options.width), round_channels(LAST * options.width)),
            options,
            squeezes=False,
        )


def build(input_shape: tuple[int, ...], num_classes: int, options: MobilenetOptions) -> Mobilenet:
    """Build a `Mobilenet` for inputs ``(channels, height, width)``."""
    return Mobilenet(input_shape, num_classes, options)
