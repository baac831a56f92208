"""`mlp`: a multilayer perceptron."""

from __future__ import annotations

import math

from torch import Tensor, nn

from harness_architectures.options import MlpOptions

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "tanh": nn.Tanh,
    "elu": nn.ELU,
    "leaky_relu": nn.LeakyReLU,
}


class Mlp(nn.Module):
    """`depth` hidden layers of `width` units (Rumelhart, Hinton & Williams 1986).

    ``(batch, features)`` -> ``(batch, num_classes)``. With f features it has
    (f + 1) w + (d - 1)(w + 1) w + (w + 1) c parameters.
    """

    def __init__(self, features: int, num_classes: int, options: MlpOptions) -> None:
        """Build for `features` inputs and `num_classes` outputs."""
        super().__init__()
        layers: list[nn.Module] = []
        width = features
        for _ in range(options.depth):
            layers += [nn.Linear(width, options.width), ACTIVATIONS[options.activation]()]
            if options.dropout:
                layers.append(nn.Dropout(options.dropout))
            width = options.width
        self.layers = nn.Sequential(*layers, nn.Linear(width, num_classes))

    def forward(self, inputs: Tensor) -> Tensor:
        """Return logits ``(batch, num_classes)``."""
        logits: Tensor = self.layers(inputs.flatten(1))
        return logits


def build(input_shape: tuple[int, ...], num_classes: int, options: MlpOptions) -> Mlp:
    """Build an `Mlp` for inputs ``(features,)``."""
    return Mlp(math.prod(input_shape), num_classes, options)
