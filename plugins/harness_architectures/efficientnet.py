"""`efficientnet`: inverted residuals in a proportion of depth and width."""

from __future__ import annotations

from harness_architectures.image_options import EfficientnetOptions
from harness_architectures.inverted_residual import InvertedResidualNet, Stage, round_channels

# Tan & Le 2019, table 1: B0.
STEM, EXPANSION_AT_THE_END = 32, 4
STAGES = (
    Stage(expansion=1, channels=16, blocks=1, halves=False, kernel=3),
    Stage(expansion=6, channels=24, blocks=2, halves=True, kernel=3),
    Stage(expansion=6, channels=40, blocks=2, halves=True, kernel=5),
    Stage(expansion=6, channels=80, blocks=3, halves=True, kernel=3),
    Stage(expansion=6, channels=112, blocks=3, halves=False, kernel=5),
    Stage(expansion=6, channels=192, blocks=4, halves=True, kernel=5),
    Stage(expansion=6, channels=320, blocks=1, halves=False, kernel=3),
)
ALPHA, BETA = 1.2, 1.1  # of depth and of width, section 3.3
PUBLISHED = {  # width and depth of B0 to B7, as the authors rounded them
    0: (1.0, 1.0),
    1: (1.0, 1.1),
    2: (1.1, 1.2),
    3: (1.2, 1.4),
    4: (1.4, 1.8),
    5: (1.6, 2.2),
    6: (1.8, 2.6),
    7: (2.0, 3.1),
}


class Efficientnet(InvertedResidualNet):
    """Tan & Le 2019, "EfficientNet: rethinking model scaling for convolutional neural networks", table 1 and equation 3.

    ``(batch, channels, height, width)`` -> ``(batch, num_classes)``. MobileNetV2's blocks with squeeze-and-excitation, and
    kernels of 3 and 5. `phi` scales depth and width together; the third that the paper scales along, the size of images,
    is the data's. phi 0 is B0, of 5.3 M parameters.
    """

    def __init__(
        self, input_shape: tuple[int, ...], num_classes: int, options: EfficientnetOptions
    ) -> None:
        """Build for inputs ``(channels, height, width)``."""
        width, depth = scale(options.phi)
        stages = [stage.scaled(width, depth) for stage in STAGES]
        ends = (round_channels(STEM * width), EXPANSION_AT_THE_END * stages[-1].channels)
        super().__init__(input_shape, num_classes, stages, ends, options, squeezes=True)


def scale(phi: int) -> tuple[float, float]:
    """Return what channels and blocks are multiplied by: from 0 to 7 as published, below by equation 3."""
    return PUBLISHED.get(phi) or (BETA**phi, ALPHA**phi)


def build(
    input_shape: tuple[int, ...], num_classes: int, options: EfficientnetOptions
) -> Efficientnet:
    """Build an `Efficientnet` for inputs ``(channels, height, width)``."""
    return Efficientnet(input_shape, num_classes, options)
