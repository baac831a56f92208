"""The variance of a mean over seeds and examples: the formula, its limits, and its p value."""

import math

import numpy as np
import pytest
from scipy import stats

from harness.statistics.crossed import SEED_DEGREES, Crossed, cross, t_quantile


@pytest.mark.parametrize("degrees", [1, 2, 2.5, 10, 358, 1e6])
@pytest.mark.parametrize("confidence", [0.5, 0.9, 0.95, 0.99])
def test_quantiles_are_scipys(degrees, confidence):
    assert t_quantile(degrees, confidence) == pytest.approx(
        stats.t.ppf(0.5 + confidence / 2, degrees)
    )


def test_the_quantile_of_infinite_degrees_is_the_normals():
    assert t_quantile(math.inf) == pytest.approx(stats.norm.ppf(0.975))


def test_the_variance_by_the_formula():
    values = np.random.default_rng(0).random((3, 50)) + np.array([[0.0], [0.2], [0.5]])
    found = cross(values, prior_variance=0.001, of_examples=0.01)
    seeds, examples = values.mean(1), values.mean(0)
    rest = values - examples - seeds[:, None] + values.mean()
    noise = (rest**2).sum() / (2 * 49) / 50
    seen = sum((mean - seeds.mean()) ** 2 for mean in seeds)
    moderated = (SEED_DEGREES * (0.001 + noise) + seen) / (SEED_DEGREES + 2)
    assert found.of_seeds == pytest.approx((moderated - noise) / 3)
    assert found.of_examples == 0.01 and found.variance == found.of_seeds + 0.01
    expected = math.sqrt(
        stats.t.ppf(0.975, SEED_DEGREES + 2) ** 2 * found.of_seeds
        + stats.t.ppf(0.975, 49) ** 2 * 0.01
    )
    assert found.half_width() == pytest.approx(expected)


def test_one_seed_adds_the_prior_and_equal_seeds_their_share_in_it():
    values = np.random.default_rng(0).random((1, 80))
    assert cross(values, 0.04, 0.01) == Crossed(0.04, 0.01, SEED_DEGREES, 79.0)
    alike = cross(np.repeat(values, 5, axis=0), 0.04, 0.01)
    assert alike.of_seeds == pytest.approx(0.04 * SEED_DEGREES / (SEED_DEGREES + 4) / 5)


@pytest.mark.parametrize("mean", [1e-4, 0.01, 0.05, 0.1, 0.3, 30.0])
def test_the_p_value_is_where_the_interval_reaches_the_mean(mean):
    found = cross(np.random.default_rng(0).random((3, 50)), 0.001, 0.002)
    p_value = found.p_value(mean)
    assert found.p_value(-mean) == p_value and 0.0 < p_value < 1.0
    if p_value > 1e-12:
        assert found.half_width(1 - p_value) == pytest.approx(mean, rel=1e-4)


def test_the_variance_of_seeds_is_on_average_the_true_one():
    """y = seed effect + example effect + rest: what seeds add to Var(mean) is s2 / S."""
    generator = np.random.default_rng(0)
    seeds, examples, runs = 4, 30, 4000
    effects = generator.normal(0, 0.2, (runs, seeds, 1)) + generator.normal(
        0, 1, (runs, 1, examples)
    )
    values = effects + generator.normal(0, 0.5, (runs, seeds, examples))
    mean = np.mean([cross(one, 0.2**2, 1.0).of_seeds for one in values])
    assert mean == pytest.approx(0.2**2 / seeds, rel=0.02)


def test_how_many_seeds_would_tell_a_mean_from_0():
    two = Crossed(0.5, 0.0, 1.0, math.inf)  # a standard deviation of 1 over two seeds: t is 12.7
    assert two.half_width() == pytest.approx(12.706 * math.sqrt(0.5), rel=1e-3)
    for wanted in (3, 5, 12):
        half = stats.t.ppf(0.975, wanted - 1) / math.sqrt(wanted)
        assert two.seeds_needed(half * 1.001, 2) == wanted
        assert two.seeds_needed(-half * 0.999, 2) == wanted + 1
    assert two.seeds_needed(0.01, 2) == 0
    limited = Crossed(0.5, 1.0, 1.0, math.inf)  # by its examples, of which seeds make no more
    assert limited.seeds_needed(1.9, 2) == 0
