"""The variance of a mean over seeds and examples, both drawn at random; pure functions.

An outcome of a seed on an example is taken as mean + seed + example + rest, each at random. What two or
three seeds show of their own spread is little: Student's t with one degree of freedom is 12.7. So a seed's
effect has a prior, as in the moderated t test (Smyth 2004, SAGMB 3:3): `SEED_DEGREES` degrees of freedom at a
spread that was assumed before any seed was run. tests/evidence/README.md has the coverage.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from harness.measure.time_blocks import InTime

Array = np.ndarray[Any, Any]
CONFIDENCE = 0.95
SEED_SD = 0.15
"""Standard deviation of a seed's effect on the log-odds of being right that is assumed beforehand."""
SEED_DEGREES = 4.0
"""How many seeds' worth of evidence that assumption is."""
MOST_SEEDS = 50  # that are counted up to, where more would be needed


@dataclass(frozen=True)
class Crossed:
    """The variance of a grand mean over crossed seeds and examples, in its two parts.

    of_seeds: what seeds add, s2 / S. of_examples: the variance of the mean over these examples, the rest
    among it. degrees: of freedom of each part; infinite where a part is known.
    """

    of_seeds: float
    of_examples: float
    seed_degrees: float
    example_degrees: float

    @property
    def variance(self) -> float:
        """The sum of both parts."""
        return self.of_seeds + self.of_examples

    def half_width(self, confidence: float = CONFIDENCE) -> float:
        """Return that of the mean's interval: sqrt(t2 of_seeds + t2 of_examples).

        Each part has the quantile of its own degrees of freedom, which holds the confidence also where
        few seeds make up most of the variance (Banerjee 1960, Sankhya 22:357); to estimate common
        degrees of freedom (Satterthwaite) does not.
        """
        return self._half_width((1.0 - confidence) / 2)

    def seeds_needed(self, mean: float, seeds: int) -> int:
        """Return how many seeds would tell the mean from 0, should it and their spread stay; 0: no number up to `MOST_SEEDS`.

        seeds: those that it is of. Their part falls with their number, that of the examples does not.
        """
        for wanted in range(seeds + 1, MOST_SEEDS + 1):
            more = replace(
                self,
                of_seeds=self.of_seeds * seeds / wanted,
                seed_degrees=self.seed_degrees + wanted - seeds,
            )
            if more.half_width() < abs(mean):
                return wanted
        return 0

    def p_value(self, mean: float) -> float:
        """Return the two-sided p value that the true mean is 0: where `half_width` reaches the mean."""
        if self.variance == 0.0:
            return 1.0 if mean == 0.0 else 0.0
        ratio = abs(mean) / math.sqrt(self.variance)
        degrees = [count for _, count in self._parts()]
        low, high = (_lower_tail(d, -ratio) for d in (max(degrees), min(degrees)))
        low = max(low, 1e-300)
        while high - low > 1e-9 * high:  # these bracket the tail; halve in the logarithm
            middle = math.sqrt(low * high)
            if self._half_width(middle) > abs(mean):
                low = middle
            else:
                high = middle
        return min(1.0, 2.0 * high)

    def _parts(self) -> list[tuple[float, float]]:
        both = (
            (self.of_seeds, self.seed_degrees),
            (self.of_examples, self.example_degrees),
        )
        return [(part, degrees) for part, degrees in both if part]

    def _half_width(self, tail: float) -> float:
        return math.sqrt(
            sum(_upper_quantile(degrees, tail) ** 2 * part for part, degrees in self._parts())
        )


def independent(one: Crossed, other: Crossed) -> Crossed:
    """Return the variance of the difference of two independent means: each part is the sum of both.

    The degrees of freedom of a sum of two estimates of the same sort are those of Welch and Satterthwaite.
    """
    return Crossed(
        one.of_seeds + other.of_seeds,
        one.of_examples + other.of_examples,
        _welch((one.of_seeds, one.seed_degrees), (other.of_seeds, other.seed_degrees)),
        _welch((one.of_examples, one.example_degrees), (other.of_examples, other.example_degrees)),
    )


def _welch(*parts: tuple[float, float]) -> float:
    spread = sum(part**2 / degrees for part, degrees in parts)
    return sum(part for part, _ in parts) ** 2 / spread if spread else math.inf


def cross(
    values: Array, prior_variance: float, of_examples: float, time: InTime | None = None
) -> Crossed:
    """Return the variance of the mean of values ``(seeds, examples)``.

    prior_variance: of a seed's effect on the mean, assumed beforehand; 0 where seeds are no source, or
    nothing is known of them. of_examples: the variance of the mean over these examples. time: when these are, two blocks at
    least, whose number less one are the degrees of freedom then; None: they are independent.

    With S seeds the variance of their means, which holds the rest r / N too, is moderated to
    v = (d0 (prior + r / N) + (S - 1) s2) / (d0 + S - 1), d0 = `SEED_DEGREES`; seeds add (v - r / N) / S, but no
    less than the prior's share in it. With one seed they add the prior. Of examples in time r / N is that of blocks.
    """
    seeds, examples = values.shape
    example_degrees = max(examples - 1.0, 1.0) if time is None else time.blocks - 1.0
    if seeds == 1:
        return Crossed(prior_variance, of_examples, SEED_DEGREES, example_degrees)
    of_seed, of_example = values.mean(axis=1), values.mean(axis=0)
    rest = values - of_example - of_seed[:, None] + values.mean()
    if time is None:
        noise = float((rest**2).sum()) / ((seeds - 1) * max(examples - 1, 1)) / examples
    else:
        noise = float(np.mean([time.variance(row) for row in rest])) * seeds / (seeds - 1)
    degrees = SEED_DEGREES + seeds - 1
    seen = (seeds - 1) * float(of_seed.var(ddof=1))
    moderated = (SEED_DEGREES * (prior_variance + noise) + seen) / degrees
    least = prior_variance * SEED_DEGREES / degrees
    return Crossed(max(moderated - noise, least) / seeds, of_examples, degrees, example_degrees)


def t_quantile(degrees: float, confidence: float = CONFIDENCE) -> float:
    """Return the two-sided quantile of Student's t; of the normal for infinite degrees."""
    return _upper_quantile(degrees, (1.0 - confidence) / 2)


def _upper_quantile(degrees: float, tail: float) -> float:
    from scipy import special  # scipy.stats would take a second to import

    return -float(special.ndtri(tail) if math.isinf(degrees) else special.stdtrit(degrees, tail))


def _lower_tail(degrees: float, at: float) -> float:
    from scipy import special

    return float(special.ndtr(at) if math.isinf(degrees) else special.stdtr(degrees, at))
