"""Comparing turns that alternate: the estimate, its interval, and how often it errs."""

import math

import numpy as np
import pytest

from harness.statistics.paired_ratio import ALPHA, paired_ratio


def draw(generator, slower, pairs=8, turns=12, of_process=0.005, of_turn=0.01):
    """Return pairs whose processes differ by chance as real ones do, with a common disturbance."""
    found = []
    for _ in range(pairs):
        disturbed = np.exp(generator.normal(0, 0.2, turns))
        sides = [
            factor * np.exp(generator.normal(0, of_process) + generator.normal(0, of_turn, turns))
            for factor in (1.0, slower)
        ]
        found.append(tuple((side * disturbed).tolist() for side in sides))
    return found


def test_the_estimate_is_the_ratio_of_b_to_a():
    exact = [([1.0, 2.0, 4.0], [1.1, 2.2, 4.4]), ([3.0], [3.3])]
    found = paired_ratio(exact)
    assert found.value == pytest.approx(1.1)
    assert found.p_value < 1e-9
    assert found.pairs == 2
    assert paired_ratio([([1.0], [1.0])] * 3).p_value == 1.0


def test_interval_is_students_over_pairs():
    logs = [0.01, 0.02, 0.03]
    found = paired_ratio([([1.0], [math.exp(log)]) for log in logs], alpha=0.05)
    half = 4.302653 * 0.01 / math.sqrt(3)  # t with 2 degrees of freedom
    assert math.log(found.high) == pytest.approx(0.02 + half, rel=1e-5)
    assert math.log(found.low) == pytest.approx(0.02 - half, rel=1e-5)


def test_false_alarms_and_power_are_as_designed():
    generator = np.random.default_rng(0)
    same = [paired_ratio(draw(generator, 1.0)).p_value < ALPHA for _ in range(2000)]
    assert sum(same) <= 16  # 6 expected; 16 has a chance of 0.04 %
    five = [paired_ratio(draw(generator, 1.05)).p_value < ALPHA for _ in range(200)]
    assert np.mean(five) >= 0.98
    two = [paired_ratio(draw(generator, 1.02)).p_value < ALPHA for _ in range(200)]
    assert np.mean(two) >= 0.5


@pytest.mark.parametrize("pairs", [[], [([1.0], [1.0])], [([1.0], [1.0]), ([], [1.0])]])
def test_too_little_is_refused(pairs):
    with pytest.raises(ValueError, match="two pairs"):
        paired_ratio(pairs)
