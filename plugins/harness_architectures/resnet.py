"""`resnet`: the small residual network for small images."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from harness_architectures.options import ResnetOptions

SMALLEST_MAP = 4


class ResidualBlock(nn.Module):
    """Two 3 x 3 convolutions and a shortcut: relu(F(x) + x), He et al. 2016, equation 1.

    ``(batch, channels_in, height, width)`` -> ``(batch, channels_out, height', width')``; where the
    shape changes the shortcut is a 1 x 1 convolution (option B of section 4.1).
    """

    def __init__(self, channels_in: int, channels_out: int, stride: int) -> None:
        """Build; `stride` belongs to the first convolution and to the shortcut."""
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels_out, 3, stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(channels_out)
        self.conv2 = nn.Conv2d(channels_out, channels_out, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(channels_out)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or channels_in != channels_out:
            self.shortcut = nn.Sequential(
                nn.Conv2d(channels_in, channels_out, 1, stride, bias=False),
                nn.BatchNorm2d(channels_out),
            )

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the block's maps."""
        maps = torch.relu(self.norm1(self.conv1(inputs)))
        return torch.relu(self.norm2(self.conv2(maps)) + self.shortcut(inputs))


class Resnet(nn.Module):
    """He, Zhang, Ren & Sun 2016, "Deep residual learning ...", section 4.2.

    ``(batch, channels, height, width)`` -> ``(batch, num_classes)``. A 3 x 3 stem, stages of
    `blocks` residual blocks with `width`, 2 `width`, ... channels, the mean over the image, a
    linear head. A stage after the first halves the maps unless that would leave fewer than 4
    pixels a side. Convolutions start as in He et al. 2015 (fan out).
    """

    def __init__(
        self, input_shape: tuple[int, ...], num_classes: int, options: ResnetOptions
    ) -> None:
        """Build for inputs ``(channels, height, width)``."""
        super().__init__()
        channels, *sides = input_shape
        side = min(sides)
        width = options.width
        self.stem = nn.Sequential(
            nn.Conv2d(channels, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()
        )
        blocks: list[nn.Module] = []
        for stage in range(options.stages):
            wider = options.width * 2**stage
            halves = stage > 0 and side >= 2 * SMALLEST_MAP
            side = side // 2 if halves else side
            for index in range(options.blocks):
                blocks.append(ResidualBlock(width, wider, stride=2 if halves and index == 0 else 1))
                width = wider
        self.blocks = nn.Sequential(*blocks)
        self.head = nn.Linear(width, num_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, inputs: Tensor) -> Tensor:
        """Return logits ``(batch, num_classes)``."""
        maps = self.blocks(self.stem(inputs))  # (batch, channels, height', width')
        logits: Tensor = self.head(maps.mean((2, 3)))
        return logits


def build(input_shape: tuple[int, ...], num_classes: int, options: ResnetOptions) -> Resnet:
    """Build a `Resnet` for inputs ``(channels, height, width)``."""
    return Resnet(input_shape, num_classes, options)
