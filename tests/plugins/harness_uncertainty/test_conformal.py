"""Conformal sets: thresholds by hand, scores from the definitions, coverage by simulation."""

import numpy as np
import pytest
from calibrated_cases import calibrated, softmax
from scipy.stats import betabinom, binom

from harness.api import NotApplicable
from harness_uncertainty.conformal import (
    aps_scores,
    chance_of_covering,
    lac_scores,
    least_examples,
    rank,
    raps_scores,
    threshold,
)
from harness_uncertainty.prediction_sets import Look, SetRule


@pytest.mark.parametrize(
    ("n", "alpha", "expected"),
    [(9, 0.1, 9), (10, 0.1, 10), (19, 0.1, 18), (99, 0.01, 99), (4, 0.5, 3)],
)
def test_which_score_is_the_threshold(n, alpha, expected):
    assert rank(n, alpha) == expected
    assert threshold(np.arange(1.0, n + 1)[::-1], alpha) == expected


@pytest.mark.parametrize(("alpha", "least"), [(0.1, 9), (0.05, 19), (0.01, 99), (0.3, 3)])
def test_too_few_examples_are_refused_with_how_many_it_takes(alpha, least):
    assert least_examples(alpha) == least
    rank(least, alpha)
    with pytest.raises(NotApplicable, match=f"take {least} validation examples or more"):
        rank(least - 1, alpha)


def test_adaptive_scores_are_those_of_the_definition():
    p = softmax(np.random.default_rng(0).normal(size=(50, 6)))
    uniform = np.random.default_rng(1).random(50)
    found = aps_scores(p, uniform)
    for i in range(50):
        for k in range(6):
            likelier = sum(p[i, j] for j in range(6) if p[i, j] > p[i, k])
            assert found[i, k] == pytest.approx(likelier + uniform[i] * p[i, k], abs=1e-12)


def test_regularised_adaptive_scores_are_those_of_the_definition():
    p = softmax(np.random.default_rng(0).normal(size=(50, 6)))
    uniform = np.random.default_rng(1).random(50)
    found = raps_scores(p, uniform, free=2, penalty=0.05)
    for i in range(50):
        for k in range(6):
            rank_of = 1 + sum(p[i, j] > p[i, k] for j in range(6))
            likelier = sum(p[i, j] for j in range(6) if p[i, j] > p[i, k])
            expected = likelier + uniform[i] * p[i, k] + 0.05 * max(0, rank_of - 2)
            assert found[i, k] == pytest.approx(expected, abs=1e-12)
    assert np.array_equal(raps_scores(p, uniform, free=6, penalty=1.0), aps_scores(p, uniform))


def test_regularised_sets_are_smaller_where_probability_lies_in_a_tail():
    """Half of the examples have a right first class and a tail; the other half hold the label in five, unlikely."""
    draws, n, classes = np.random.default_rng(3), 2000, 100
    tail, few = np.full(classes, 0.4 / 99), np.full(classes, 0.001 / 95)
    tail[0], few[:5] = 0.6, (0.9, 0.06, 0.02, 0.01, 0.009)
    p = np.where((np.arange(n) % 2 == 0)[:, None], tail, few)
    labels = np.where(np.arange(n) % 2 == 0, 0, draws.integers(0, 5, n))
    uniform, half = draws.random(n), n // 2
    sizes = {}
    for name, scores in (
        ("aps", aps_scores(p, uniform)),
        ("raps", raps_scores(p, uniform, free=5, penalty=0.05)),
    ):
        sets = scores[half:] <= threshold(scores[np.arange(half), labels[:half]], 0.1)
        assert 0.87 < sets[np.arange(half), labels[half:]].mean() < 0.93
        sizes[name] = sets.sum(1).mean()
    assert sizes["raps"] < 0.3 * sizes["aps"]


def test_adaptive_scores_of_a_right_model_are_uniform():
    logits, labels = calibrated(20_000)
    scores = aps_scores(softmax(logits), np.random.default_rng(2).random(20_000))
    own = np.sort(scores[np.arange(20_000), labels])
    assert np.abs(own - np.linspace(0, 1, 20_000)).max() < 1.95 / np.sqrt(
        20_000
    )  # Kolmogorov, 0.1 %


@pytest.mark.parametrize("method", ["lac", "aps", "raps"])
@pytest.mark.parametrize("factor", [1.0, 4.0])
def test_coverage_in_200_simulations_is_what_is_promised(method, factor):
    """A new example is covered with probability k / (n + 1), whether or not confidence is right."""
    covered, n, alpha, runs = 0, 59, 0.1, 200
    for run in range(runs):
        logits, labels = calibrated(n + 1, seed=1000 + run)
        p = softmax(factor * logits)
        uniform = np.random.default_rng(run).random(n + 1)
        scores = {
            "lac": lac_scores(p),
            "aps": aps_scores(p, uniform),
            "raps": raps_scores(p, uniform, free=1, penalty=0.1),
        }[method]
        own = scores[np.arange(n + 1), labels]
        covered += own[n] <= threshold(own[:n], alpha)
    low, high = binom.interval(0.999, runs, rank(n, alpha) / (n + 1))
    assert low <= covered <= high


def test_the_law_of_how_many_are_covered_is_that_of_simulations():
    draws = np.random.default_rng(0)
    n, tests, alpha = 30, 50, 0.2
    counts = np.array(
        [(draws.random(tests) <= threshold(draws.random(n), alpha)).sum() for _ in range(4000)]
    )
    for covered in (32, 38, 42, 46):
        expected = chance_of_covering(covered, tests, n, alpha)
        assert (counts <= covered).mean() == pytest.approx(expected, abs=0.03)
        k = rank(n, alpha)
        assert expected == pytest.approx(betabinom.cdf(covered, tests, k, n + 1 - k), rel=1e-9)
    assert chance_of_covering(tests, tests, n, alpha) == pytest.approx(1)


def test_a_place_is_told_with_its_empty_sets():
    def told(covered, empty):
        return Look(SetRule("lac", 0.1, 0.3, 200), covered, empty, 360, "under fog 5", False).told()

    assert told(90, 0) == "in 25.0 % under fog 5"
    assert told(90, 36) == (
        "in 25.0 % under fog 5, where 10 % of the sets are empty, as no class is likely enough"
    )
    assert told(0, 360).startswith("in none of 360 under fog 5, where all sets are empty, as no")
