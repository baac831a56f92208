"""A linear warm-up before a schedule."""

from __future__ import annotations

from collections.abc import Callable


def warm_up_steps(steps: int, share: float) -> int:
    """Return for how many of all steps the learning rate rises."""
    return round(share * steps)


def warmed_up(rising: int, then: Callable[[int], float]) -> Callable[[int], float]:
    """Return a schedule whose factor is (step + 1) / rising below the step `rising`, and then another one's.

    Goyal et al. 2017, "Accurate, large minibatch SGD: training ImageNet in 1 hour", section 2.2.
    """
    return lambda step: (step + 1) / rising if step < rising else then(step)
