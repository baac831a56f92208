"""`wsd`: warm-up, stable, decay."""

from __future__ import annotations

import math
from collections.abc import Callable

from harness_training.options import WsdOptions
from harness_training.warm_up import warm_up_steps, warmed_up


def build(steps: int, options: WsdOptions) -> Callable[[int], float]:
    """Return a function from the step to the factor.

    It rises in the first `warm_up` of the steps, stays 1, and comes down to `final` in the last `decay` of them: with t from 0 to
    1 there, as 1 - t, 1 - sqrt(t) or (1 + cos(pi t)) / 2 (Hu et al. 2024, "MiniCPM", equation 1; Haegele et al. 2024, "Scaling
    laws and compute-optimal training beyond fixed training durations", section 3, whose best is 1 - sqrt(t)).
    """
    rising = warm_up_steps(steps, options.warm_up)
    falling = min(round(options.decay * steps), steps - rising)

    def factor(step: int) -> float:
        progress = (step + 1 - (steps - falling)) / falling if falling else 0.0
        return options.final + (1 - options.final) * _left(
            options.shape, min(1.0, max(0.0, progress))
        )

    return warmed_up(rising, factor)


def _left(shape: str, progress: float) -> float:
    """Return what is left of the factor, 1 to 0, while the progress goes from 0 to 1."""
    if shape == "linear":
        return 1 - progress
    if shape == "sqrt":
        return 1 - math.sqrt(progress)
    return (1 + math.cos(math.pi * progress)) / 2
