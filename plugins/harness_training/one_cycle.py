"""`one-cycle`: half a cosine up, half a cosine down to almost nothing."""

from __future__ import annotations

import math
from collections.abc import Callable

from harness_training.options import OneCycleOptions


def build(steps: int, options: OneCycleOptions) -> Callable[[int], float]:
    """Return a function from the step to the factor.

    It rises from `initial` to 1 at step warm_up * steps - 1 and falls to `final` at the last step,
    both along half a cosine (Smith & Topin 2018, "Super-convergence", with the shape of torch's
    OneCycleLR; the momentum stays as it is).
    """
    last = max(1.0, steps - 1.0)
    peak = min(max(0.0, options.warm_up * steps - 1), last)

    def factor(step: int) -> float:
        if step < peak:
            return _blend(options.initial, 1.0, step / peak)
        if last == peak:
            return 1.0
        return _blend(1.0, options.final, min(1.0, (step - peak) / (last - peak)))

    return factor


def _blend(start: float, end: float, progress: float) -> float:
    """Go from start to end along half a cosine while the progress goes from 0 to 1."""
    return end + (start - end) * (1 + math.cos(math.pi * progress)) / 2
