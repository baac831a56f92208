"""`squared-error`, in units of the targets' variance."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

from harness.api import Draws, Task


def build(
    task: Task,
) -> Callable[[nn.Module, Tensor, Tensor, Draws], tuple[Tensor, Tensor]]:
    """Return a function of a batch that gives mean(((f(x) - y) / deviation)^2), and the outputs.

    A model that always answers the mean of the targets has a loss of 1, so that learning rates do
    not depend on the targets' unit.
    """
    deviation = task.target_std or 1.0

    def squared_error(
        model: nn.Module, inputs: Tensor, targets: Tensor, draws: Draws
    ) -> tuple[Tensor, Tensor]:
        outputs = model(inputs)  # (batch, 1)
        errors = outputs.float().squeeze(1) - targets.float()
        # divided before they are squared: the square of 1e-20 or 1e30 is 0 or infinite in float32
        return (errors / deviation).square().mean(), outputs

    return squared_error
