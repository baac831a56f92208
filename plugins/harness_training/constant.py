"""`constant`: the same learning rate throughout."""

from __future__ import annotations

from collections.abc import Callable

from harness_training.options import ConstantOptions
from harness_training.warm_up import warm_up_steps, warmed_up


def build(steps: int, options: ConstantOptions) -> Callable[[int], float]:
    """Return a function from the step to the factor: 1, after the warm-up if there is one."""
    return warmed_up(warm_up_steps(steps, options.warm_up), lambda step: 1.0)
