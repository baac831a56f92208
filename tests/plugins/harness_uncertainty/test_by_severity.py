"""Calibration at each severity: hand-computed means and pooled bins."""

import pytest

from harness.api import Metric
from harness.api.measuring import wilson
from harness_uncertainty.by_severity import SeverityMeans


def figure(name, value, n=100, low=None, high=None, **where):
    where = {"scaling": "none", **where}
    return Metric(name=name, value=value, unit="fraction", low=low, high=high, n=n, where=where)


def test_it_is_the_mean_over_shifts_with_the_clean_split_at_0():
    means = SeverityMeans()
    means.take(figure("ece", 0.1, low=0.05, high=0.15))
    for shift, value in (("fog", 0.2), ("snow", 0.4)):
        means.take(figure("shifted_ece", value, low=value - 0.1, high=0.5, shift=shift, severity=3))
    clean, third = means.metrics()
    assert (clean.name, clean.value, clean.where) == (
        *("severity_ece", 0.1),
        {"severity": 0, "scaling": "none"},
    )
    assert third.value == pytest.approx(0.3) and third.n == 100
    assert (third.low, third.high) == (pytest.approx(0.2), 0.5)
    assert third.where == {"severity": 3, "scaling": "none"}


def test_bins_are_pooled_as_if_all_shifts_said_the_same():
    means = SeverityMeans()
    means.take(figure("bin_accuracy", 1.0, n=5, confidence=0.9))
    for shift, value, n in (("fog", 0.5, 10), ("snow", 1.0, 30)):
        where = {"shift": shift, "severity": 5, "confidence": 0.9}
        means.take(figure("shifted_bin_accuracy", value, n=n, **where))
    [fifth] = means.metrics()  # the clean curve is told by itself
    assert fifth.value == pytest.approx(35 / 40) and fifth.n == 40
    assert (fifth.low, fifth.high) == pytest.approx(wilson(35 / 40, 20))


def test_without_shifts_there_is_nothing():
    means = SeverityMeans()
    means.take(figure("ece", 0.1))
    assert list(means.metrics()) == []


def test_a_figure_without_an_interval_gives_none():
    means = SeverityMeans()
    means.take(figure("shifted_ece", 0.2, shift="fog", severity=1))
    [found] = means.metrics()
    assert (found.low, found.high) == (None, None)
