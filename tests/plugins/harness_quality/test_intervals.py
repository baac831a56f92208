"""Intervals against scipy, and their coverage by simulation."""

import numpy as np
import pytest
from scipy import stats

from harness.api.measuring import wilson
from harness_quality.intervals import bootstrap, clustered_wilson, mean_interval
from harness_quality.regression import mae, r2


@pytest.mark.parametrize(("k", "n"), [(0, 10), (10, 10), (3, 10), (55, 100), (359, 360)])
def test_wilson_is_scipys(k, n):
    expected = stats.binomtest(k, n).proportion_ci(method="wilson")
    assert wilson(k / n, n) == pytest.approx((expected.low, expected.high))


def test_wilson_of_nothing():
    assert wilson(0.0, 0) == (0.0, 1.0)


def test_mean_interval_is_normal():
    values = np.random.default_rng(0).exponential(size=400)
    mean, low, high = mean_interval(values)
    expected = stats.norm.interval(0.95, values.mean(), stats.sem(values))
    assert (low, high) == pytest.approx(expected) and mean == pytest.approx(values.mean())


def test_verdicts_of_one_example_are_not_independent():
    one = np.random.default_rng(0).random((1, 200)) < 0.7
    same = np.repeat(one, 12, axis=0)  # twelve shifts that tell nothing new
    assert clustered_wilson(same) == pytest.approx(clustered_wilson(one), rel=0.01)
    fresh = np.random.default_rng(1).random((12, 200)) < 0.7
    share, low, high = clustered_wilson(fresh)
    assert high - low < 0.5 * (clustered_wilson(one)[2] - clustered_wilson(one)[1])
    assert low < share < high


@pytest.mark.parametrize("value", [True, False])
def test_unanimous_verdicts_still_have_an_interval(value):
    share, low, high = clustered_wilson(np.full((4, 50), value))
    assert share == float(value) and (low, high) == wilson(share, 50)


def test_clustered_wilson_covers():
    source, hits = np.random.default_rng(2), 0
    for _ in range(500):
        chance = source.beta(4, 2, size=150)  # examples differ; their mean is 2/3
        _, low, high = clustered_wilson(source.random((6, 150)) < chance)
        hits += low <= 2 / 3 <= high
    assert 0.92 < hits / 500 < 0.98


def test_bootstrap_covers_the_mean_error():
    source, hits = np.random.default_rng(3), 0
    for _ in range(100):
        errors = source.exponential(size=120)
        low, high = bootstrap(mae, errors, np.zeros(120))
        hits += low <= 1.0 <= high
    assert 88 <= hits <= 99


def test_bootstrap_is_repeatable_and_needs_two(monkeypatch):
    source = np.random.default_rng(4)
    target = source.normal(size=50)
    prediction = target + source.normal(size=50)
    found = bootstrap(r2, prediction, target)
    assert found == bootstrap(r2, prediction, target)
    monkeypatch.setattr("harness_quality.intervals._MEMORY", 500)  # ten resamples at once
    assert found == bootstrap(r2, prediction, target)
    assert bootstrap(r2, prediction[:1], target[:1]) is None


def test_shares_of_many_verdicts_have_the_interval_of_all():
    source = np.random.default_rng(3)
    verdicts = source.random((10, 400)) < 0.2
    shares = verdicts.mean(axis=0)[None]
    assert clustered_wilson(shares, each=10) == pytest.approx(clustered_wilson(verdicts))
