"""What several networks are made of: activations, normalisations, stochastic depth."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

MOST_GROUPS = 32  # Wu & He 2018, section 4.1
LEAST_IN_GROUP = 4  # what stands alone in its group would become zero

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "relu6": nn.ReLU6,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
    "elu": nn.ELU,
    "leaky_relu": nn.LeakyReLU,
}


def is_differentiated_on_cpu(given: Tensor) -> bool:
    """Whether autograd follows this pass, in fp32 on a CPU: training or a search for inputs, and no graph is made to be kept."""
    if torch.compiler.is_compiling() or torch._C._is_tracing() or not isinstance(given, Tensor):
        return False  # whatever the sizes, so that a graph is one for all; torch.fx gives a stand-in for a tensor
    plain = given.dtype == torch.float32 and not torch.is_autocast_enabled("cpu")
    return plain and given.is_cpu and torch.is_grad_enabled()


def group_norm(channels: int) -> nn.GroupNorm:
    """Return a group norm of up to 32 groups, of at least 4 channels each where there are as many."""
    most = max(1, min(MOST_GROUPS, channels // LEAST_IN_GROUP))
    return nn.GroupNorm(max(n for n in range(1, most + 1) if channels % n == 0), channels)


class ChannelsLast(nn.Module):
    """Apply a layer that reads the last axis to the channels of maps ``(batch, channels, height, width)``."""

    def __init__(self, layer: nn.Module) -> None:
        """Take the layer, of ``(..., channels)``."""
        super().__init__()
        self.layer = layer

    def forward(self, maps: Tensor) -> Tensor:
        """Return maps of the same shape."""
        result: Tensor = self.layer(maps.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        return result


# Of maps (batch, channels, height, width). Layer normalisation takes all values of an example (Wu & He 2018, figure 2),
# RMS those of a pixel.
MAP_NORMALISATIONS: dict[str, Callable[[int], nn.Module]] = {
    "none": lambda channels: nn.Identity(),
    "batch": nn.BatchNorm2d,
    "layer": lambda channels: nn.GroupNorm(1, channels),
    "group": group_norm,
    "rms": lambda channels: ChannelsLast(nn.RMSNorm(channels)),
}

# Of features (batch, features).
FEATURE_NORMALISATIONS: dict[str, Callable[[int], nn.Module]] = {
    "none": lambda features: nn.Identity(),
    "batch": nn.BatchNorm1d,
    "layer": nn.LayerNorm,
    "group": group_norm,
    "rms": nn.RMSNorm,
}


def convolve(
    given: int,
    channels: int,
    kernel: int = 3,
    stride: int = 1,
    *,
    groups: int = 1,
    normalisation: str = "batch",
    activation: str | None = "relu",
) -> nn.Sequential:
    """Return a convolution with its normalisation and its activation.

    ``(batch, given, height, width)`` -> ``(batch, channels, height', width')``; padded so that only the stride makes maps
    smaller. It has a bias where nothing normalises it.
    """
    bias = normalisation == "none"
    padding = (kernel - 1) // 2
    layers = [
        nn.Conv2d(given, channels, kernel, stride, padding, groups=groups, bias=bias),
        MAP_NORMALISATIONS[normalisation](channels),
    ]
    if activation is not None:
        layers.append(ACTIVATIONS[activation]())
    return nn.Sequential(*layers)


class StochasticDepth(nn.Module):
    """Leave out a residual branch of whole examples in training, Huang et al. 2016, equation 2.

    What is kept is divided by its probability, so that nothing is scaled in use.
    """

    def __init__(self, rate: float) -> None:
        """rate: the probability of leaving out, from 0 to below 1."""
        super().__init__()
        self.rate = rate

    def forward(self, branch: Tensor) -> Tensor:
        """Return the branch of some examples of ``(batch, ...)``, and zeros of the others."""
        if not self.training or self.rate == 0:
            return branch
        shape = (len(branch), *(1 for _ in branch.shape[1:]))
        kept = torch.empty(shape, dtype=branch.dtype, device=branch.device)
        return branch * kept.bernoulli_(1 - self.rate) / (1 - self.rate)

    def extra_repr(self) -> str:
        """Return its rate."""
        return f"{self.rate:g}"


def depth_rates(last: float, blocks: int) -> list[float]:
    """Return the rate of each residual block: in equal steps from 0, before the first, to that of the last one (equation 4)."""
    return [last * index / blocks for index in range(1, blocks + 1)]


class AverageDown(nn.AvgPool2d):
    """Average maps by whole steps to at least `least` pixels a side, below twice that; smaller ones stay as they are."""

    def __init__(self, sides: Sequence[int], least: int) -> None:
        """sides: the height and the width of the maps that it will be given."""
        steps = [max(1, side // least) for side in sides]
        super().__init__((steps[0], steps[1]))
        self.pixels = (sides[0] // steps[0]) * (sides[1] // steps[1])  # that it leaves
