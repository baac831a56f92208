"""`cross-entropy`, with label smoothing."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn
from torch.nn import functional

from harness.api import Draws
from harness_training.options import CrossEntropyOptions


def build(
    options: CrossEntropyOptions,
) -> Callable[[nn.Module, Tensor, Tensor, Draws], tuple[Tensor, Tensor]]:
    """Return a function of a batch that gives the mean loss in nats, and the logits.

    With smoothing s the target has probability 1 - s + s / classes and every other class has
    s / classes (Szegedy et al. 2016, section 7).
    """

    def cross_entropy(
        model: nn.Module, inputs: Tensor, targets: Tensor, draws: Draws
    ) -> tuple[Tensor, Tensor]:
        logits = model(inputs)
        loss = functional.cross_entropy(
            logits.float(), targets, label_smoothing=options.label_smoothing
        )
        return loss, logits

    return cross_entropy
