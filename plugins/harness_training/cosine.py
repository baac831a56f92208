"""`cosine`: linear warm-up, then half a cosine down."""

from __future__ import annotations

import math
from collections.abc import Callable

from harness_training.options import CosineOptions
from harness_training.warm_up import warm_up_steps, warmed_up


def build(steps: int, options: CosineOptions) -> Callable[[int], float]:
    """Return a function from the step to the factor.

    With w = round(warm_up * steps) the factor is (step + 1) / w below step w, and then
    f + (1 - f) (1 + cos(pi t)) / 2 with t = (step - w) / (steps - w), which starts at 1 and
    approaches f = `final` (Loshchilov & Hutter 2017, "SGDR", equation 5, without restarts).
    """
    rising = warm_up_steps(steps, options.warm_up)

    def factor(step: int) -> float:
        progress = min(1.0, (step - rising) / max(1, steps - rising))
        return options.final + (1 - options.final) * (1 + math.cos(math.pi * progress)) / 2

    return warmed_up(rising, factor)
