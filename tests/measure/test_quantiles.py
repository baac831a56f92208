"""Quantiles and their intervals against numpy, scipy and printed tables."""

import math
import random

import numpy as np
import pytest
from scipy import stats

from harness.measure.quantiles import median_interval, median_metric, quantile, quantile_interval


@pytest.mark.parametrize("n", [1, 2, 5, 10, 99])
@pytest.mark.parametrize("q", [0.0, 0.1, 0.5, 0.95, 0.99, 1.0])
def test_quantiles_are_numpys(n, q):
    samples = random.Random(n).sample(range(1000), n)
    assert quantile(samples, q) == pytest.approx(float(np.quantile(samples, q)))


def test_a_quantile_of_nothing_is_refused():
    with pytest.raises(ValueError, match="at least one"):
        quantile([], 0.5)


@pytest.mark.parametrize("n", [6, 10, 25, 100, 1000, 20_000])
@pytest.mark.parametrize("q", [0.5, 0.9, 0.99])
def test_interval_is_the_tightest_with_that_coverage_on_either_side(n, q):
    found = quantile_interval(range(n), q)
    lower = stats.binom.ppf(0.025, n, q)  # the smallest k with P(B <= k) >= 0.025
    if lower - 1 >= 0 and stats.binom.cdf(lower, n, q) == pytest.approx(0.025):
        lower += 1
    upper = stats.binom.ppf(0.975, n, q)
    if lower < 1 or upper >= n:
        assert found is None
    else:
        assert found == (lower - 1, upper)


def test_median_intervals_from_a_printed_table():
    """Ranks at 95 %: Conover's and others' tables for n = 6, 10, 20, 50."""
    for n, (low, high) in {6: (1, 6), 10: (2, 9), 20: (6, 15), 50: (18, 33)}.items():
        assert median_interval([float(i + 1) for i in range(n)]) == (low, high)
    assert median_interval([1.0] * 5) is None


def test_median_interval_covers_as_often_as_it_says():
    source = random.Random(0)
    hits = 0
    for _ in range(2000):
        low, high = median_interval([source.expovariate(1) for _ in range(30)])
        hits += low <= math.log(2) <= high
    assert 0.94 < hits / 2000 < 0.98


def test_a_high_percentile_needs_many_samples():
    assert quantile_interval([float(i) for i in range(100)], 0.99) is None
    assert quantile_interval([float(i) for i in range(1000)], 0.99) is not None


def test_a_median_has_the_interval_that_no_distribution_is_asked_for() -> None:
    found = median_metric("ratio", [4.0, 1.0, 2.0, 6.0, 3.0, math.inf], "ratio", {"part": "a"})
    assert (found.value, found.low, found.high, found.n) == (3.5, 1.0, math.inf, 6)
    few, none = median_metric("ratio", [1.0, 2.0]), median_metric("ratio", [])
    assert (few.value, few.low, few.n) == (1.5, None, 2)
    assert math.isnan(none.value) and (none.low, none.n) == (None, 0)
