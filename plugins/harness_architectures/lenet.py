"""`lenet`: LeNet-5 with rectifiers and max-pooling, for images of any size from 8 x 8."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from harness.api import InputSpec, Task
from harness_architectures.initialisation import initialise
from harness_architectures.layers import ACTIVATIONS
from harness_architectures.options import LenetOptions
from harness_architectures.pooling import halved, pool

SMALLEST_SIDE = 8
LENET5_SIDE = 28


class Lenet(nn.Module):
    """LeCun, Bottou, Bengio & Haffner 1998, "Gradient-based learning ...", figure 2.

    ``(batch, channels, height, width)`` -> ``(batch, num_classes)``. As usual today the units are
    rectifiers by default, the pooling takes maxima, and every map of the second convolution reads all of the
    first. From 28 pixels on the second convolution is not padded, so that 28 x 28 gives LeNet-5's
    5 x 5 maps; larger ones are averaged down to 5 to 9 a side. With the readout "mean" they are averaged down to one pixel, after
    Lin, Chen & Yan 2014, "Network in network", section 3.2: then it does not matter where in the last maps something is.
    """

    def __init__(
        self, input_shape: tuple[int, ...], num_classes: int, options: LenetOptions
    ) -> None:
        """Build for inputs ``(channels, height, width)``."""
        super().__init__()
        channels, height, width = input_shape
        padding = 0 if min(height, width) >= LENET5_SIDE else 2
        step = 2 if options.pooling == "strided" else 1
        self.conv1 = nn.Conv2d(channels, options.channels1, 5, step, padding=2)
        self.conv2 = nn.Conv2d(options.channels1, options.channels2, 5, step, padding=padding)
        self.pool = pool(options.pooling)
        cut = 4 if padding == 0 else 0
        sides = [
            halved(halved(side, options.pooling) - cut, options.pooling) for side in (height, width)
        ]
        self.average = sides if options.readout == "mean" else [max(1, side // 5) for side in sides]
        rows, columns = (side // step for side, step in zip(sides, self.average, strict=True))
        self.linear1 = nn.Linear(options.channels2 * rows * columns, options.hidden1)
        self.linear2 = nn.Linear(options.hidden1, options.hidden2)
        self.head = nn.Linear(options.hidden2, num_classes)
        self.dropout = nn.Dropout(options.dropout)
        self.activation = ACTIVATIONS[options.activation]()
        initialise(self, options.initialisation, options.activation)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return logits ``(batch, num_classes)``."""
        maps = self.pool(self.activation(self.conv1(inputs)))
        maps = self.pool(self.activation(self.conv2(maps)))
        if max(self.average) > 1:
            maps = functional.avg_pool2d(maps, self.average)
        hidden = self.dropout(self.activation(self.linear1(maps.flatten(1))))
        hidden = self.dropout(self.activation(self.linear2(hidden)))
        logits: Tensor = self.head(hidden)
        return logits


def wants(task: Task) -> InputSpec:
    """Ask for the task's own shape, but not below 8 pixels a side."""
    channels, height, width = task.input_shape
    return InputSpec((channels, max(height, SMALLEST_SIDE), max(width, SMALLEST_SIDE)))


def build(input_shape: tuple[int, ...], num_classes: int, options: LenetOptions) -> Lenet:
    """Build a `Lenet` for inputs ``(channels, height, width)``."""
    return Lenet(input_shape, num_classes, options)
