"""A mean as a metric: its interval, and what keeps it inside."""

import numpy as np
import pytest
from scipy import stats

from harness.measure.metric import mean_metric


def test_a_mean_has_its_normal_interval() -> None:
    values = np.random.default_rng(0).normal(3, 2, 50)
    found = mean_metric("size", values, where={"part": "a"}, kept="-size")
    low, high = stats.norm.interval(0.95, values.mean(), stats.sem(values))
    assert (found.value, found.low, found.high) == pytest.approx((values.mean(), low, high))
    assert (found.n, found.where, found.examples) == (50, {"part": "a"}, ("-size",))


def test_it_stays_inside_what_the_unit_can_be() -> None:
    found = mean_metric("share", np.array([1.0, 1.0, 0.9]), "fraction")
    assert found.high == 1.0 and found.low == pytest.approx(29 / 30 - 1.95996 * 0.1 / 3, abs=1e-5)


def test_of_one_value_there_is_no_interval() -> None:
    found = mean_metric("size", np.array([2.5]))
    assert (found.value, found.low, found.high, found.n) == (2.5, None, None, 1)
