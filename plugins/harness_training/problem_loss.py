"""`problem-loss`: what the problem itself judges training by."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

from harness.api import Draws, Task
from harness.api.measuring import resolve


def build(
    task: Task,
) -> Callable[[nn.Module, Tensor, Tensor, Draws], tuple[Tensor, Tensor]]:
    """Return a function of a batch that gives the mean of the problem's loss over its examples, and the outputs.

    Where targets are real numbers, it is over their variance, as the learning rate should not depend on their unit.
    """
    summed = resolve(task.problem_item.loss)
    unit = task.target_std**2 if task.problem_item.real_targets else 1.0

    def loss_of(
        model: nn.Module, inputs: Tensor, targets: Tensor, draws: Draws
    ) -> tuple[Tensor, Tensor]:
        outputs = model(inputs)
        return summed(outputs, targets) / (len(inputs) * unit), outputs

    return loss_of
