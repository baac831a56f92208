"""Figures of other test examples: unpaired, over the seeds and examples of both."""

import math

import numpy as np
import pytest

from harness.compare.samples import UNPAIRED, SideSample, of_samples
from harness.statistics.crossed import CONFIDENCE
from harness.statistics.inference import proportion
from harness.statistics.model_groups import Scores


def verdicts(generator, seeds=5, examples=60, first=0, share=0.8):
    """Verdicts of models that are right on most of the same examples at every seed."""
    easy = generator.beta(4 * share, 4 * (1 - share), examples)
    values = (generator.random((seeds, examples)) < easy).astype(float)
    ids = np.arange(first, first + examples)
    return SideSample(
        values.mean(axis=1).tolist(),
        [(None, None)] * seeds,
        ids,
        Scores(tuple(range(seeds)), ids, values),
    )


def test_other_examples_are_a_source_of_variance():
    """A t test over the seeds alone raises an alarm in most of these cases: no model differs."""
    generator, alarms, covered = np.random.default_rng(0), 0, 0
    for _ in range(400):
        found = of_samples(verdicts(generator), verdicts(generator, first=60), "fraction")
        alarms += found.p_value < 0.05
        covered += found.low <= 0.0 <= found.high
        assert (found.p_value < 1 - CONFIDENCE) == (not found.low <= 0.0 <= found.high)
    assert alarms <= 0.05 * 400 + 3 * math.sqrt(0.05 * 0.95 * 400) and covered >= 0.92 * 400


def test_a_change_that_is_larger_than_both_samples_explain_is_claimed():
    generator = np.random.default_rng(1)
    a, b = (
        verdicts(generator, examples=400),
        verdicts(generator, examples=400, first=400, share=0.6),
    )
    found = of_samples(a, b, "fraction")
    assert found.method == UNPAIRED and found.p_value < 1e-4 and found.high < -0.1
    assert found.value == pytest.approx(b.mean - a.mean)
    halves = [(e.high - e.low) / 2 for e in (proportion(s.scores.values) for s in (a, b))]
    assert (found.high - found.low) / 2 == pytest.approx(math.hypot(*halves), rel=0.05)


def test_how_many_examples_are_common_is_said():
    generator = np.random.default_rng(2)
    a = verdicts(generator)
    for first, words in ((60, "none is"), (59, "one is"), (40, "20 are")):
        found = of_samples(a, verdicts(generator, first=first), "fraction")
        assert found.subset == (
            f"test examples of which {words} common (A 60, B 60), so that a change may be that of the examples"
        )


def test_figures_with_an_interval_of_their_own_and_without():
    """R2 of other test rows: its scores are squared errors, its interval is the figure's own."""
    ids = np.arange(50)
    squared = Scores((0, 1), ids, -np.ones((2, 50)))
    a = SideSample([0.80, 0.82], [(0.7, 0.9), (0.72, 0.92)], ids, squared)
    b = SideSample([0.70, 0.72], [(0.6, 0.8), (0.62, 0.82)], ids + 50, squared)
    found = of_samples(a, b, "")
    assert found.value == pytest.approx(-0.1)
    assert found.high - found.value == pytest.approx(0.1 * math.sqrt(2), rel=0.02)
    assert 0.1 < found.p_value < 0.25
    without = of_samples(a, SideSample([0.7, 0.7], [(None, None)] * 2, ids + 50), "")
    assert without.p_value is None and "none is common" in without.subset
