"""`step`: a factor at each of several milestones."""

from __future__ import annotations

from collections.abc import Callable

from harness_training.options import StepOptions
from harness_training.warm_up import warm_up_steps, warmed_up


def build(steps: int, options: StepOptions) -> Callable[[int], float]:
    """Return a function from the step to gamma ** (number of milestones that it has passed), after the warm-up if there is one.

    A milestone m, a share of all steps, is passed from step m * steps on.
    """

    def factor(step: int) -> float:
        return float(options.gamma ** sum(step >= mark * steps for mark in options.milestones))

    return warmed_up(warm_up_steps(steps, options.warm_up), factor)
