"""Simulated models whose true accuracy is known."""

from functools import cache

import numpy as np

from harness.results.statistics import proportion

CONCENTRATION = 2.0  # of the examples' difficulty: a beta distribution around the accuracy


def simulate(
    generator: np.random.Generator, share: float, seeds: int, examples: int, spread: float
) -> np.ndarray:
    """Return verdicts ``(seeds, examples)`` whose mean over new seeds and examples is `share`.

    An example has a difficulty of its own and a seed an effect of its own on the accuracy, uniform
    with the standard deviation `spread`.
    """
    a, b = CONCENTRATION * share, CONCENTRATION * (1 - share)
    chance = generator.beta(a, b, (1, examples))
    effect = spread * np.sqrt(3) * generator.uniform(-1, 1, (seeds, 1))
    strength = effect / mean_slack(a, b)
    assert abs(strength).max() <= 1  # else chances would leave 0 to 1
    return generator.random((seeds, examples)) < chance + strength * np.minimum(chance, 1 - chance)


@cache
def mean_slack(a: float, b: float) -> float:
    """The mean of min(p, 1 - p), by which a seed's effect on the mean is what it says."""
    from scipy import integrate, stats

    return float(integrate.quad(lambda p: min(p, 1 - p) * stats.beta.pdf(p, a, b), 0, 1)[0])


def coverage(
    share: float, seeds: int, examples: int, spread: float, draws: int, seed: int = 0
) -> float:
    """Return the share of `draws` intervals that hold the truth."""
    generator = np.random.default_rng(seed)
    held = 0
    for _ in range(draws):
        found = proportion(simulate(generator, share, seeds, examples, spread).astype(float))
        held += found.low <= share <= found.high
    return held / draws
