"""`mlp`: a multilayer perceptron."""

from __future__ import annotations

import math

from torch import Tensor, nn

from harness_architectures.initialisation import initialise, zero_branches
from harness_architectures.layers import ACTIVATIONS, FEATURE_NORMALISATIONS
from harness_architectures.options import MlpOptions


class Residual(nn.Module):
    """A branch and what it was given: x + F(x), He et al. 2016; ``(batch, features)``."""

    def __init__(self, branch: nn.Module) -> None:
        """Take the branch, whose output is as its input."""
        super().__init__()
        self.branch = branch

    def forward(self, inputs: Tensor) -> Tensor:
        """Return features of the same shape."""
        result: Tensor = inputs + self.branch(inputs)
        return result


class Mlp(nn.Module):
    """`depth` hidden layers of `width` units (Rumelhart, Hinton & Williams 1986).

    ``(batch, features)`` -> ``(batch, num_classes)``. With f features it has
    (f + 1) w + (d - 1)(w + 1) w + (w + 1) c parameters, and 2 d w more where units are normalised (RMS: d w). A residual
    one adds to its units, after the first layer, what the next one makes of them: x + W a(norm(x)), activation first, as
    in He et al. 2016, "Identity mappings in deep residual networks", figure 4e.
    """

    def __init__(self, features: int, num_classes: int, options: MlpOptions) -> None:
        """Build for `features` inputs and `num_classes` outputs."""
        super().__init__()
        width = options.width
        layers: list[nn.Module] = [nn.Linear(features, width)] if options.depth else []
        branches: list[nn.Module] = []
        for _ in range(options.depth - 1):
            branch = [*_between(options), nn.Linear(width, width)]
            if options.residual:
                branches.append(Residual(nn.Sequential(*branch)))
                layers.append(branches[-1])
            else:
                layers += branch
        if options.depth:
            layers += _between(options)
        head = nn.Linear(width if options.depth else features, num_classes)
        self.layers = nn.Sequential(*layers, head)
        initialise(self, options.initialisation, options.activation)
        if options.zero_residual:
            zero_branches(branches)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return logits ``(batch, num_classes)``."""
        logits: Tensor = self.layers(inputs.flatten(1))
        return logits


def _between(options: MlpOptions) -> list[nn.Module]:
    """Return what stands between two linear layers."""
    layers: list[nn.Module] = []
    if options.normalisation != "none":
        layers.append(FEATURE_NORMALISATIONS[options.normalisation](options.width))
    layers.append(ACTIVATIONS[options.activation]())
    if options.dropout:
        layers.append(nn.Dropout(options.dropout))
    return layers


def build(input_shape: tuple[int, ...], num_classes: int, options: MlpOptions) -> Mlp:
    """Build an `Mlp` for inputs ``(features,)``."""
    return Mlp(math.prod(input_shape), num_classes, options)
