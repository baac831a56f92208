"""Statistics: pure functions, each with its formula and source."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.measure.intervals import Z95, wilson

Array = np.ndarray[Any, Any]
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Estimate:
    """A mean with its interval and the number of observations behind it."""

    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True)
class Crossed:
    """The variance of a grand mean over crossed seeds and examples, in its two parts.

    Both are drawn at random, so the variance is the sum of that of the means over seeds and of that of
    the means over examples, s2_seeds / S + s2_examples / N, which Owen (2007, Annals of Applied
    Statistics 1:386, "The pigeonhole bootstrap") shows to be slightly too large, never too small. With
    one seed only the second part is there.
    """

    of_seeds: float
    of_examples: float
    seeds: int
    examples: int

    @classmethod
    def of(cls, values: Array) -> Crossed:
        """Estimate it from values ``(seeds, examples)``."""
        seeds, examples = values.shape
        of_examples = float(values.mean(axis=0).var(ddof=1)) / examples if examples > 1 else 0.0
        of_seeds = float(values.mean(axis=1).var(ddof=1)) / seeds if seeds > 1 else 0.0
        return cls(of_seeds, of_examples, seeds, examples)

    @property
    def variance(self) -> float:
        """The sum of both parts."""
        return self.of_seeds + self.of_examples

    def half_width(self, confidence: float = CONFIDENCE) -> float:
        """Return that of the mean's interval: sqrt(t2_{S-1} of_seeds + t2_{N-1} of_examples).

        Each part has the quantile of its own degrees of freedom, which holds the confidence also where
        two or three seeds make up most of the variance (Banerjee 1960, Sankhya 22:357); to estimate
        common degrees of freedom (Satterthwaite) does not.
        """
        return self._half_width((1.0 - confidence) / 2)

    def p_value(self, mean: float) -> float:
        """Return the two-sided p value that the true mean is 0: where `half_width` reaches the mean."""
        from scipy import special

        ratio = abs(mean) / math.sqrt(self.variance)
        degrees = [count - 1 for _, count in self._parts()]
        low, high = (float(special.stdtr(d, -ratio)) for d in (max(degrees), min(degrees)))
        low = max(low, 1e-300)
        while high - low > 1e-9 * high:  # these bracket the tail; halve in the logarithm
            middle = math.sqrt(low * high)
            if self._half_width(middle) > abs(mean):
                low = middle
            else:
                high = middle
        return min(1.0, 2.0 * high)

    def _parts(self) -> list[tuple[float, int]]:
        both = ((self.of_seeds, self.seeds), (self.of_examples, self.examples))
        return [(part, count) for part, count in both if part]

    def _half_width(self, tail: float) -> float:
        from scipy import special

        return math.sqrt(
            sum(float(special.stdtrit(n - 1, tail)) ** 2 * part for part, n in self._parts())
        )


def t_quantile(degrees: float, confidence: float = CONFIDENCE) -> float:
    """Return the two-sided quantile of Student's t; of the normal for infinite degrees."""
    from scipy import special  # scipy.stats would take a second to import

    share = 0.5 + confidence / 2
    return float(special.ndtri(share) if math.isinf(degrees) else special.stdtrit(degrees, share))


def proportion(correct: Array) -> Estimate:
    """Estimate an accuracy from ``(seeds, examples)`` of 0 and 1, over new seeds and new examples.

    Wilson's interval at the number of trials for which a normal interval is as wide as that of
    `Crossed`, at most seeds x examples; where all are right or all wrong, at the number of examples, as
    the seeds share them.
    """
    values = np.asarray(correct, dtype=np.float64)
    if values.ndim == 1:
        values = values[None, :]
    share = float(values.mean())
    half = Crossed.of(values).half_width()
    effective = float(values.shape[1])
    if half > 0.0 and 0.0 < share < 1.0:
        effective = min(share * (1 - share) * (Z95 / half) ** 2, float(values.size))
    low, high = wilson(share, max(effective, 1.0))
    return Estimate(share, min(low, share), max(high, share), values.size)


def mean_over_seeds(values: Sequence[float]) -> Estimate:
    """Estimate a mean over seeds by Student's t; one value alone has no interval (NaN)."""
    array = np.asarray(values, dtype=np.float64)
    mean = float(array.mean())
    if len(array) < 2:
        return Estimate(mean, math.nan, math.nan, len(array))
    half = t_quantile(len(array) - 1) * float(array.std(ddof=1)) / math.sqrt(len(array))
    return Estimate(mean, mean - half, mean + half, len(array))


def paired_p_value(first: Array, second: Array) -> float:
    """Return the two-sided p value that two models are equally good on the same examples and seeds.

    first, second: ``(seeds, examples)`` of 0 and 1 (or of a loss). One seed of 0 and 1: the exact McNemar
    test (McNemar 1947, Psychometrika 12:153) on the examples where they differ. Several seeds: a t test of
    the mean difference with the variance of `Crossed`.
    """
    from scipy import special

    difference = np.asarray(first, dtype=np.float64) - np.asarray(second, dtype=np.float64)
    if difference.ndim == 1:
        difference = difference[None, :]
    if not difference.any():
        return 1.0
    if len(difference) == 1 and set(np.unique(difference)) <= {-1.0, 0.0, 1.0}:
        better = int((difference > 0).sum())
        differing = int(np.abs(difference).sum())
        tail = special.bdtr(min(better, differing - better), differing, 0.5)
        return float(min(1.0, 2.0 * tail))  # symmetric at one half
    crossed, mean = Crossed.of(difference), float(difference.mean())
    if difference.size == 1:
        return 1.0  # of one observation nothing can be said
    if crossed.variance == 0.0:
        return 1.0 if mean == 0.0 else 0.0
    return crossed.p_value(mean)


def paired_shares_interval(
    better: int, worse: int, n: int, confidence: float = CONFIDENCE
) -> tuple[float, float]:
    """Return an interval of (better - worse) / n, the difference of two shares of the same examples.

    The adjusted Wald interval of Bonett & Price (2012, JEBS 37:479): one example is added to each kind
    of disagreement, so that the interval has a width where the two agree on all of `n`.
    """
    first, second, total = (better + 1) / (n + 2), (worse + 1) / (n + 2), n + 2
    middle = first - second
    half = t_quantile(math.inf, confidence) * math.sqrt((first + second - middle * middle) / total)
    return max(-1.0, middle - half), min(1.0, middle + half)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p values corrected for their number by Holm's step-down method (1979)."""
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    corrected = [1.0] * len(p_values)
    running = 0.0
    for rank, index in enumerate(order):
        running = max(running, min(1.0, (len(p_values) - rank) * p_values[index]))
        corrected[index] = running
    return corrected


def letters(names: Sequence[str], differs: Mapping[tuple[str, str], bool]) -> dict[str, str]:
    """Return a compact letter display (Piepho 2004, JCGS 13:456): no common letter = different.

    names: best first, so that the best has "a". differs: for each pair in the order of `names`.
    """
    groups: list[set[str]] = [set(names)]
    for first, second in itertools.combinations(names, 2):
        if not differs[first, second]:
            continue
        split: list[set[str]] = []
        for group in groups:
            if first in group and second in group:
                split += [group - {first}, group - {second}]
            else:
                split.append(group)
        groups = [g for g in _unique(split) if not any(g < other for other in split)]
    place = {name: position for position, name in enumerate(names)}
    groups.sort(key=lambda group: sorted(place[name] for name in group))
    return {
        name: " ".join(_letter(i) for i, group in enumerate(groups) if name in group)
        for name in names
    }


def rank_range(
    names: Sequence[str], differs: Mapping[tuple[str, str], bool]
) -> dict[str, tuple[int, int]]:
    """Return the best and worst rank that each may have: 1 + those surely better, to all less those
    surely worse. names: best first.
    """
    place = {name: position for position, name in enumerate(names)}

    def sure(first: str, second: str) -> bool:
        pair = (first, second) if place[first] < place[second] else (second, first)
        return differs[pair]

    found = {}
    for name in names:
        better = sum(sure(o, name) for o in names if place[o] < place[name])
        worse = sum(sure(o, name) for o in names if place[o] > place[name])
        found[name] = (1 + better, len(names) - worse)
    return found


def _unique(groups: Sequence[set[str]]) -> list[set[str]]:
    found: list[set[str]] = []
    for group in groups:
        if group not in found:
            found.append(group)
    return found


def _letter(index: int) -> str:
    word = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        word = chr(ord("a") + rest) + word
    return word
