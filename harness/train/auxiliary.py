"""The losses of auxiliary heads: what a network returns beside its logits in training, weighed and added.

Szegedy et al. 2014, "Going deeper with convolutions", section 5: the loss of each auxiliary classifier counts
0.3 of that of the main one; torchvision's Inception v3 is trained with 0.4.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

from harness.data.draws import Draws
from harness.data.model import DataSpaceModel
from harness.data.outputs import auxiliary_outputs
from harness.errors import PluginError

Objective = Callable[[nn.Module, Tensor, Tensor, Draws], tuple[Tensor, Tensor | None]]


def with_auxiliary(objective: Objective, model: nn.Module) -> Objective:
    """Return an objective that adds those of a model's auxiliary outputs, where the model has a weight for them.

    Each of these is what the objective gives for a model that answers with it: the draws belong to the examples,
    so that blended targets are those of the main loss.
    """
    weight = model.auxiliary if isinstance(model, DataSpaceModel) else 0.0
    if not weight:
        return objective

    def total(
        model: nn.Module, inputs: Tensor, targets: Tensor, draws: Draws
    ) -> tuple[Tensor, Tensor | None]:
        assert isinstance(model, DataSpaceModel)
        calls: list[tuple[Tensor, ...]] = []
        handle = model.net.register_forward_hook(
            lambda net, given, output: calls.append(auxiliary_outputs(output))
        )
        try:
            loss, logits = objective(model, inputs, targets, draws)
        finally:
            handle.remove()
        if len(calls) != 1:
            raise PluginError(
                f"auxiliary losses are for an objective that runs the model once a step; this one ran it {len(calls)} "
                "times. Leave the option auxiliary out, or train with cross-entropy or mixup"
            )
        if not calls[0]:
            raise PluginError(
                f"{type(model.net).__name__} returns nothing in training beside its logits that has their "
                "shape; leave the option auxiliary out"
            )
        for output in calls[0]:
            answer = model.answer(output, inputs)
            loss = loss + weight * objective(_Answer(answer), inputs, targets, draws)[0]
        return loss, logits

    return total


class _Answer(nn.Module):
    """A model whose answer is known."""

    def __init__(self, answer: Tensor) -> None:
        super().__init__()
        self.answer = answer

    def forward(self, inputs: Any) -> Tensor:
        return self.answer
