"""Simulated models whose true accuracy is known."""

from functools import cache

import numpy as np

from harness.statistics.inference import paired_p_value, proportion

CONCENTRATION = 2.0  # of the examples' difficulty: a beta distribution around the accuracy


def simulate(
    generator: np.random.Generator,
    share: float,
    seeds: int,
    examples: int,
    spread: float,
    models: int = 1,
) -> list[np.ndarray]:
    """Return verdicts ``(seeds, examples)`` of several models on the same examples.

    Their mean over new seeds and examples is `share`.

    An example has a difficulty of its own and a seed an effect of its own on the accuracy, uniform
    with the standard deviation `spread`.
    """
    a, b = CONCENTRATION * share, CONCENTRATION * (1 - share)
    chance = generator.beta(a, b, (1, examples))
    found = []
    for _ in range(models):
        effect = spread * np.sqrt(3) * generator.uniform(-1, 1, (seeds, 1))
        strength = effect / mean_slack(a, b)
        assert abs(strength).max() <= 1  # else chances would leave 0 to 1
        changed = chance + strength * np.minimum(chance, 1 - chance)
        found.append((generator.random((seeds, examples)) < changed).astype(float))
    return found


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
        (verdicts,) = simulate(generator, share, seeds, examples, spread)
        found = proportion(verdicts)
        held += found.low <= share <= found.high
    return held / draws


def mean_width(
    share: float, seeds: int, examples: int, spread: float, draws: int, seed: int = 0
) -> float:
    """Return the mean width of `draws` intervals."""
    generator = np.random.default_rng(seed)
    widths = []
    for _ in range(draws):
        (verdicts,) = simulate(generator, share, seeds, examples, spread)
        found = proportion(verdicts)
        widths.append(found.high - found.low)
    return float(np.mean(widths))


def false_alarms(
    share: float, seeds: int, examples: int, spread: float, draws: int, seed: int = 0
) -> float:
    """Return how often two models of the same true accuracy are told apart at 5 %."""
    generator = np.random.default_rng(seed)
    alarms = 0
    for _ in range(draws):
        first, second = simulate(generator, share, seeds, examples, spread, models=2)
        alarms += paired_p_value(first, second) < 0.05
    return alarms / draws
