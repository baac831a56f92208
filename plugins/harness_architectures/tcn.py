"""`tcn`: a temporal convolutional network."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrizations import weight_norm

from harness.api import Task
from harness_architectures.sequence_options import TcnOptions


class CausalConvolution(nn.Module):
    """A dilated convolution of a step and those before it, weight-normalised; ``(batch, channels, time)``."""

    def __init__(self, channels: int, width: int, kernel: int, dilation: int) -> None:
        """Build for so many channels, to `width`."""
        super().__init__()
        self.before = (kernel - 1) * dilation
        self.convolution = weight_norm(nn.Conv1d(channels, width, kernel, dilation=dilation))

    def forward(self, inputs: Tensor) -> Tensor:
        """Return ``(batch, width, time)``; before the first step there are zeros."""
        found: Tensor = self.convolution(functional.pad(inputs, (self.before, 0)))
        return found


class TemporalBlock(nn.Module):
    """Two causal convolutions and a way past them: figure 1 (b) of the paper."""

    def __init__(self, channels: int, options: TcnOptions, dilation: int) -> None:
        """Build for inputs of so many channels."""
        super().__init__()
        width, kernel = options.width, options.kernel
        layers: list[nn.Module] = []
        for given in (channels, width):
            layers += [CausalConvolution(given, width, kernel, dilation), nn.ReLU()]
            layers.append(nn.Dropout1d(options.dropout))  # whole channels at a time
        self.branch = nn.Sequential(*layers)
        self.past = nn.Identity() if channels == width else nn.Conv1d(channels, width, 1)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return ``(batch, width, time)``."""
        return functional.relu(self.branch(inputs) + self.past(inputs))


class Tcn(nn.Module):
    """Bai, Kolter & Koltun 2018, "An empirical evaluation of generic convolutional and recurrent networks", arXiv:1803.01271.

    ``(batch, time, features)`` -> ``(batch, num_classes)`` of the last step, or ``(batch, time, num_classes)`` of each. Block i
    has dilation 2^i, so that a step sees itself and ``2 (kernel - 1) (2^levels - 1)`` before it. Filters start as torch draws them:
    so they do in the authors' code, whose own start, N(0, 0.01^2), weight normalisation overwrites.
    """

    def __init__(
        self, features: int, num_classes: int, options: TcnOptions, levels: int, *, each_step: bool
    ) -> None:
        """Build for steps of `features`."""
        super().__init__()
        self.each_step, self.pool = each_step, options.pool
        self.blocks = nn.Sequential(
            *(
                TemporalBlock(options.width if level else features, options, 2**level)
                for level in range(levels)
            )
        )
        self.head = nn.Linear(options.width, num_classes)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return logits ``(batch, num_classes)``, or ``(batch, time, num_classes)``."""
        states = self.blocks(inputs.transpose(1, 2)).transpose(1, 2)  # (batch, time, width)
        if not self.each_step:
            states = states[:, -1] if self.pool == "last" else states.mean(1)
        logits: Tensor = self.head(states)
        return logits


def choose_levels(options: TcnOptions, steps: int) -> int:
    """Return the number of blocks; "auto" is the least with which the last of `steps` sees the first."""
    if options.levels != "auto":
        return options.levels
    levels = 1
    while 1 + 2 * (options.kernel - 1) * (2**levels - 1) < steps:
        levels += 1
    return levels


def build(task: Task, input_shape: tuple[int, ...], num_classes: int, options: TcnOptions) -> Tcn:
    """Build a `Tcn` for inputs ``(time, features)``."""
    steps, features = input_shape
    each_step = len(task.output_shape) > 1
    levels = choose_levels(options, steps)
    return Tcn(features, num_classes, options, levels, each_step=each_step)
