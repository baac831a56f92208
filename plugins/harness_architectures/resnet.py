"""`resnet`: residual networks, from small ones for small images to the published ones of 18 to 152 layers."""

from __future__ import annotations

from torch import Tensor, nn

from harness_architectures.image_scale import stem_stride, strides
from harness_architectures.initialisation import initialise, start_convolutions, zero_branches
from harness_architectures.layers import ACTIVATIONS, MAP_NORMALISATIONS, convolve
from harness_architectures.options import ResnetOptions

# He et al. 2016, table 1: the blocks of each stage.
PUBLISHED = {
    18: (2, 2, 2, 2),
    34: (3, 4, 6, 3),
    50: (3, 4, 6, 3),
    101: (3, 4, 23, 3),
    152: (3, 8, 36, 3),
}
PUBLISHED_WIDTH, SMALL_WIDTH = 64, 16


class ResidualBlock(nn.Module):
    """Two 3 x 3 convolutions and a shortcut: relu(F(x) + x), He et al. 2016, equation 1.

    ``(batch, channels_in, height, width)`` -> ``(batch, channels_out, height', width')``; where the
    shape changes the shortcut is a 1 x 1 convolution (option B of section 4.1).
    """

    expansion = 1

    def __init__(
        self, channels_in: int, channels_out: int, stride: int, options: ResnetOptions
    ) -> None:
        """Build; `stride` belongs to the first convolution and to the shortcut."""
        super().__init__()
        normalise = MAP_NORMALISATIONS[options.normalisation]
        bias = options.normalisation == "none"
        self.conv1 = nn.Conv2d(channels_in, channels_out, 3, stride, padding=1, bias=bias)
        self.norm1 = normalise(channels_out)
        self.conv2 = nn.Conv2d(channels_out, channels_out, 3, padding=1, bias=bias)
        self.norm2 = normalise(channels_out)
        self.shortcut = _shortcut(channels_in, channels_out, stride, options)
        self.activation = ACTIVATIONS[options.activation]()

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the block's maps."""
        maps = self.activation(self.norm1(self.conv1(inputs)))
        result: Tensor = self.activation(self.norm2(self.conv2(maps)) + self.shortcut(inputs))
        return result

    def last(self) -> nn.Module:
        """Return what ends F."""
        return nn.Sequential(self.conv2, self.norm2)


class BottleneckBlock(nn.Module):
    """1 x 1, 3 x 3 and 1 x 1 convolutions, the last of 4 times the channels, and a shortcut: He et al. 2016, figure 5.

    ``(batch, channels_in, height, width)`` -> ``(batch, channels_out, height', width')``. The stride is that of the 3 x 3
    convolution, as in published weights; the paper's is in the first one.
    """

    expansion = 4

    def __init__(
        self, channels_in: int, channels_out: int, stride: int, options: ResnetOptions
    ) -> None:
        """Build; `stride` is the shortcut's, too."""
        super().__init__()
        normalise = MAP_NORMALISATIONS[options.normalisation]
        bias = options.normalisation == "none"
        inner = channels_out // self.expansion
        self.conv1 = nn.Conv2d(channels_in, inner, 1, bias=bias)
        self.norm1 = normalise(inner)
        self.conv2 = nn.Conv2d(inner, inner, 3, stride, padding=1, bias=bias)
        self.norm2 = normalise(inner)
        self.conv3 = nn.Conv2d(inner, channels_out, 1, bias=bias)
        self.norm3 = normalise(channels_out)
        self.shortcut = _shortcut(channels_in, channels_out, stride, options)
        self.activation = ACTIVATIONS[options.activation]()

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the block's maps."""
        maps = self.activation(self.norm1(self.conv1(inputs)))
        maps = self.activation(self.norm2(self.conv2(maps)))
        result: Tensor = self.activation(self.norm3(self.conv3(maps)) + self.shortcut(inputs))
        return result

    def last(self) -> nn.Module:
        """Return what ends F."""
        return nn.Sequential(self.conv3, self.norm3)


def _shortcut(
    channels_in: int, channels_out: int, stride: int, options: ResnetOptions
) -> nn.Module:
    if stride == 1 and channels_in == channels_out:
        return nn.Identity()
    return convolve(
        channels_in, channels_out, 1, stride, normalisation=options.normalisation, activation=None
    )


class Resnet(nn.Module):
    """He, Zhang, Ren & Sun 2016, "Deep residual learning for image recognition".

    ``(batch, channels, height, width)`` -> ``(batch, num_classes)``. A stem, stages of residual blocks with `width`,
    2 `width`, ... channels, the mean over the image, a linear head. A stage after the first halves the maps unless that
    would leave fewer than 4 pixels a side.

    Without a depth it is the network for small images of section 4.2: a 3 x 3 stem, `stages` of `blocks`. With one it is
    that of table 1, whose stem (7 x 7 in steps of 2, then a maximum in steps of 2) small images, below 128 pixels, pass by
    for a 3 x 3 convolution; from 50 layers on blocks have a bottleneck. Convolutions start as in He et al. 2015 (fan out).
    """

    def __init__(
        self, input_shape: tuple[int, ...], num_classes: int, options: ResnetOptions
    ) -> None:
        """Build for inputs ``(channels, height, width)``."""
        super().__init__()
        channels, *sides = input_shape
        counts, first = _plan(options)
        block = BottleneckBlock if (options.depth or 0) >= 50 else ResidualBlock
        shrinks = stem_stride(min(sides), len(counts) - 1, (4, 1)) if options.depth else 1
        kernel, stride = (7, 2) if shrinks > 1 else (3, 1)
        self.stem = convolve(
            channels,
            first,
            kernel,
            stride,
            normalisation=options.normalisation,
            activation=options.activation,
        )
        if shrinks > 1:
            self.stem.append(nn.MaxPool2d(3, 2, padding=1))
        blocks: list[ResidualBlock | BottleneckBlock] = []
        width = first
        for stage, step in enumerate([1, *strides(min(sides) // shrinks, len(counts) - 1)]):
            made = block.expansion * first * 2**stage
            for index in range(counts[stage]):
                blocks.append(block(width, made, step if index == 0 else 1, options))
                width = made
        self.blocks = nn.Sequential(*blocks)
        self.head = nn.Linear(width, num_classes)
        start_convolutions(self)
        initialise(self, options.initialisation, options.activation)
        if options.zero_residual:
            zero_branches(one.last() for one in blocks)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return logits ``(batch, num_classes)``."""
        maps = self.blocks(self.stem(inputs))  # (batch, channels, height', width')
        logits: Tensor = self.head(maps.mean((2, 3)))
        return logits


def _plan(options: ResnetOptions) -> tuple[tuple[int, ...], int]:
    """Return the blocks of each stage, and the channels of the first."""
    if options.depth is None:
        return (options.blocks,) * options.stages, options.width or SMALL_WIDTH
    return PUBLISHED[options.depth], options.width or PUBLISHED_WIDTH


def build(input_shape: tuple[int, ...], num_classes: int, options: ResnetOptions) -> Resnet:
    """Build a `Resnet` for inputs ``(channels, height, width)``."""
    return Resnet(input_shape, num_classes, options)
