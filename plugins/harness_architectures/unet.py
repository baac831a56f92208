"""`unet`: a U-Net, for a class of each pixel."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn
from torch.nn import functional

from harness_architectures.options import UnetOptions


class TwoConvolutions(nn.Sequential):
    """Twice: a 3 x 3 convolution, batch norm, a rectifier. ``(batch, given, h, w)`` -> ``(batch, channels, h, w)``."""

    def __init__(self, given: int, channels: int) -> None:
        """Take the channels that it is given and those that it makes."""
        layers: list[nn.Module] = []
        for before in (given, channels):
            layers.append(nn.Conv2d(before, channels, 3, padding=1, bias=False))
            layers += [nn.BatchNorm2d(channels), nn.ReLU(inplace=True)]
        super().__init__(*layers)


class Unet(nn.Module):
    """Ronneberger, Fischer & Brox 2015, "U-Net: convolutional networks for biomedical image segmentation", figure 1.

    ``(batch, channels, height, width)`` -> ``(batch, classes, height, width)``. A path down halves the maps `depth` times by
    max-pooling and doubles their channels; a path up doubles their sides by a transposed convolution, and each level reads
    the maps of its own size on the way down beside them. As usual today convolutions are padded, so that the answer is as large as
    the image, and normalised over batches. An image whose sides 2^depth does not divide is repeated at its lower and right
    border; what is answered there is cut off. With width 64, depth 4, one channel and two classes it has the paper's 31.0 M
    parameters.
    """

    def __init__(self, channels: int, classes: int, options: UnetOptions) -> None:
        """Build for images of so many channels."""
        super().__init__()
        widths = [options.width * 2**level for level in range(options.depth + 1)]
        self.first = TwoConvolutions(channels, widths[0])
        pairs = list(itertools.pairwise(widths))
        self.down = nn.ModuleList(TwoConvolutions(*pair) for pair in pairs)
        self.enlarge = nn.ModuleList(
            nn.ConvTranspose2d(low, high, 2, stride=2) for high, low in reversed(pairs)
        )
        self.skips = options.skips
        read = 2 if options.skips else 1
        self.up = nn.ModuleList(TwoConvolutions(read * high, high) for high, _ in reversed(pairs))
        self.dropout = nn.Dropout2d(options.dropout)
        self.head = nn.Conv2d(widths[0], classes, 1)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return logits ``(batch, classes, height, width)``."""
        height, width = inputs.shape[-2:]
        step = 2 ** len(self.down)
        padding = [0, -width % step, 0, -height % step]
        maps = functional.pad(inputs, padding, mode="replicate") if any(padding) else inputs
        maps = self.first(maps)
        passed = []
        for convolve in self.down:
            passed.append(maps)
            maps = convolve(functional.max_pool2d(maps, 2))
        maps = self.dropout(maps)
        for enlarge, convolve in zip(self.enlarge, self.up, strict=True):
            larger, beside = enlarge(maps), passed.pop()
            maps = convolve(torch.cat([beside, larger], 1) if self.skips else larger)
        logits: Tensor = self.head(maps)
        return logits[..., :height, :width]


def build(in_channels: int, num_classes: int, options: UnetOptions) -> Unet:
    """Build a `Unet` for images of any size."""
    return Unet(in_channels, num_classes, options)
