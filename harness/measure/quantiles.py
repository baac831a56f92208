"""Quantiles of a list of samples, how sure they are, and the median as a metric.

Intervals are distribution-free: the ends are order statistics chosen by the binomial distribution
(Conover 1999, "Practical Nonparametric Statistics", section 3.2). They take the samples as independent.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from harness.measure.metric import Metric


def quantile(samples: Sequence[float], q: float) -> float:
    """Return the `q` quantile, 0 to 1, by linear interpolation (Hyndman and Fan's type 7).

    Raises:
        ValueError: There are no samples.
    """
    if not samples:
        raise ValueError("a quantile needs at least one sample")
    ordered = sorted(samples)
    position = q * (len(ordered) - 1)
    below = math.floor(position)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (position - below) * (ordered[above] - ordered[below])


def _binomial(n: int, k: int, p: float) -> float:
    """Return the probability of `k` successes among `n`, without overflow for large `n`."""
    if p in (0.0, 1.0):
        return float(k == n * p)
    ways = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
    return math.exp(ways + k * math.log(p) + (n - k) * math.log1p(-p))


def quantile_interval(
    samples: Sequence[float], q: float, confidence: float = 0.95
) -> tuple[float, float] | None:
    """Return a distribution-free interval of the `q` quantile; None where samples are too few.

    The ends are the order statistics x_(l) and x_(u) with the largest l such that
    P(B <= l - 1) <= a/2 and the smallest u such that P(B >= u) <= a/2, where B is binomial(n, q)
    and a = 1 - confidence. An end that no sample can give (a 99th percentile from 50 samples) means
    that there is no interval.
    """
    n, tail = len(samples), (1.0 - confidence) / 2.0
    lower, below = 0, 0.0
    while lower < n and (below := below + _binomial(n, lower, q)) <= tail:
        lower += 1
    upper, above = n + 1, 0.0
    while upper > 1 and (above := above + _binomial(n, upper - 1, q)) <= tail:
        upper -= 1
    if lower < 1 or upper > n:
        return None
    ordered = sorted(samples)
    return ordered[lower - 1], ordered[upper - 1]


def median_interval(
    samples: Sequence[float], confidence: float = 0.95
) -> tuple[float, float] | None:
    """Return a distribution-free interval of the median; None below 6 samples (at 95 %)."""
    return quantile_interval(samples, 0.5, confidence)


def median_metric(
    name: str, values: Sequence[float], unit: str = "", where: Mapping[str, Any] | None = None
) -> Metric:
    """Return the median of values with its distribution-free interval; below 6 without, and of none NaN.

    Infinite values count; a median among them is no number.
    """
    low, high = median_interval(values) or (None, None)
    return Metric(
        name=name,
        value=float(statistics.median(values)) if values else math.nan,
        unit=unit,
        low=low,
        high=high,
        n=len(values),
        where=where or {},
    )
