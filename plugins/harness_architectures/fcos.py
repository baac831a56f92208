"""`fcos`: a small detector in one stage and without anchors, for boxes."""

from __future__ import annotations

import itertools
import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from harness_architectures.options import FcosOptions

STEP = 16  # pixels to which the coarsest map's places are apart
KEPT = 2  # stages to the map that answers are given on: of one place for 4 x 4 pixels
GROUPS = 8  # of group norm
PRIOR = 0.01  # probability of each class that training begins with


class Block(nn.Module):
    """Two 3 x 3 convolutions beside a 1 x 1 one, as of a residual network: half the sides, other channels."""

    def __init__(self, given: int, channels: int) -> None:
        """Take the channels that it is given and those that it makes."""
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(given, channels, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
        )
        self.beside = nn.Sequential(
            nn.AvgPool2d(2), nn.Conv2d(given, channels, 1, bias=False), nn.BatchNorm2d(channels)
        )

    def forward(self, inputs: Tensor) -> Tensor:
        """Return maps of half the sides."""
        return functional.relu(self.body(inputs) + self.beside(inputs))


class Fcos(nn.Module):
    """Tian, Shen, Chen & He 2019, "FCOS: fully convolutional one-stage object detection", arXiv:1904.01355.

    ``(batch, channels, height, width)`` -> ``(batch, 4 + 1 + classes, height / 4, width / 4)``, sides rounded up: at each place the
    logarithms of the distances to the left, upper, right and lower edge over 4 pixels, the logit of how near it is to the middle
    (section 3.2), and a logit for each class.

    A residual network halves the maps four times; from the coarsest on each is enlarged and added to the next finer one (Lin et
    al. 2017, arXiv:1612.03144). Two towers of convolutions with group norm read the map of one place for 4 x 4 pixels: one
    for classes, one for boxes and middles. The paper has five maps with one place for 8 x 8 to 128 x 128 pixels; one of 4 x 4 alone,
    as CenterNet's (Zhou, Wang & Krähenbühl 2019, arXiv:1904.07850), suits small images. Classes begin at a probability of 0.01.
    """

    def __init__(self, channels: int, classes: int, options: FcosOptions) -> None:
        """Build for images of so many channels."""
        super().__init__()
        width = options.width
        coarser = 2 if options.pyramid else 0
        widths = [width, 2 * width, 4 * width, *(4 * width,) * coarser]
        self.first = nn.Sequential(
            nn.Conv2d(channels, width, 3, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
        )
        self.down = nn.ModuleList(Block(*pair) for pair in itertools.pairwise(widths))
        self.beside = nn.ModuleList(nn.Conv2d(one, 4 * width, 1) for one in widths[KEPT:])
        self.classes = _tower(4 * width, classes, options.depth)
        self.boxes = _tower(4 * width, 5, options.depth)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        for tower, start in ((self.classes, -math.log((1 - PRIOR) / PRIOR)), (self.boxes, 0.0)):
            last = tower[-1]
            assert isinstance(last, nn.Conv2d) and last.bias is not None
            nn.init.normal_(last.weight, std=0.01)
            nn.init.constant_(last.bias, start)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return what each place says ``(batch, 5 + classes, height / 4, width / 4)``."""
        height, width = inputs.shape[-2:]
        padding = [0, -width % STEP, 0, -height % STEP]
        maps = functional.pad(inputs, padding, mode="replicate") if any(padding) else inputs
        maps, passed = self.first(maps), []
        for convolve in self.down:
            maps = convolve(maps)
            passed.append(maps)
        levels = [
            beside(maps) for beside, maps in zip(self.beside, passed[KEPT - 1 :], strict=True)
        ]
        merged = levels.pop()
        while levels:
            merged = levels.pop() + functional.interpolate(merged, scale_factor=2)
        found = torch.cat([self.boxes(merged), self.classes(merged)], 1)
        return found[..., : -(-height // 4), : -(-width // 4)]


def _tower(channels: int, outputs: int, depth: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for _ in range(depth):
        layers.append(nn.Conv2d(channels, channels, 3, padding=1, bias=False))
        layers += [nn.GroupNorm(math.gcd(GROUPS, channels), channels), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers, nn.Conv2d(channels, outputs, 3, padding=1))


def build(in_channels: int, num_classes: int, options: FcosOptions) -> Fcos:
    """Build a `Fcos` for images of any size."""
    return Fcos(in_channels, num_classes, options)
