"""`linear`: softmax regression, the least that a network can be."""

from __future__ import annotations

import math

from torch import Tensor, nn

from harness_architectures.initialisation import initialise
from harness_architectures.options import LinearOptions


class Linear(nn.Module):
    """One linear layer: multinomial logistic regression (Cox 1958; Bishop 2006, section 4.3.4), linear for numbers.

    ``(batch, features)`` -> ``(batch, num_classes)``; (f + 1) c parameters. Its loss is convex, so another seed leads to the
    same minimum. The floor of that name, in every table, is fitted to the end by scikit-learn; this one is trained like
    any other model, and can be attacked, timed and weighed like one.
    """

    def __init__(self, features: int, num_classes: int, options: LinearOptions) -> None:
        """Build for `features` inputs and `num_classes` outputs."""
        super().__init__()
        self.head = nn.Linear(features, num_classes)
        initialise(self, options.initialisation, "linear")

    def forward(self, inputs: Tensor) -> Tensor:
        """Return logits ``(batch, num_classes)``."""
        logits: Tensor = self.head(inputs.flatten(1))
        return logits


def build(input_shape: tuple[int, ...], num_classes: int, options: LinearOptions) -> Linear:
    """Build a `Linear` for inputs ``(features,)``."""
    return Linear(math.prod(input_shape), num_classes, options)
