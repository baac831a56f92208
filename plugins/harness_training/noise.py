"""`noise`: add Gaussian noise."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from harness.api import Draws, Task
from harness_training.options import NoiseOptions


def build(task: Task, options: NoiseOptions) -> Callable[[Tensor, Draws], Tensor]:
    """Return a function that adds noise to ``(batch, *shape)`` and clamps to the task's range."""

    def add_noise(inputs: Tensor, draws: Draws) -> Tensor:
        noise = draws.normal("noise", tuple(inputs.shape[1:])).to(inputs)
        return (inputs + options.std * noise).clamp(task.low, task.high)

    return add_noise
