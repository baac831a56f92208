"""Temperature scaling: what was planted is found, and what cannot be told is refused."""

import math

import numpy as np
import pytest
from calibrated_cases import calibrated
from scipy.optimize import minimize_scalar

from harness.api import NotApplicable
from harness_uncertainty.predictions import Predictions
from harness_uncertainty.temperature import fit


@pytest.mark.parametrize("factor", [0.001, 0.5, 1.0, 3.0, 10.0, 1000.0])
def test_a_planted_factor_is_found(factor):
    logits, labels = calibrated(2000)
    found = fit(factor * logits, labels)
    low, high = found.interval()
    assert low < factor < high
    assert found.value == pytest.approx(factor, rel=0.15)
    before, after = (
        Predictions.of(factor * logits, labels, t).losses.mean() for t in (1.0, found.value)
    )
    assert after <= before


def test_it_is_the_minimum_and_what_is_added_to_all_logits_plays_no_part():
    logits, labels = calibrated(300, classes=3)
    best = minimize_scalar(
        lambda t: Predictions.of(2 * logits, labels, math.exp(t)).losses.mean(),
        bounds=(-3, 3),
        method="bounded",
        options={"xatol": 1e-9},
    )
    found = fit(2 * logits, labels)
    assert math.log(found.value) == pytest.approx(best.x, abs=1e-5)
    moved = fit((2 * logits + np.arange(300)[:, None]).astype(np.float32), labels)
    assert moved.value == pytest.approx(found.value, rel=1e-4)


def test_its_error_is_the_spread_between_validation_splits():
    found = [fit(3 * z, y) for z, y in (calibrated(200, seed=s) for s in range(150))]
    logs = [one.log.value for one in found]
    assert np.mean([one.log.error for one in found]) == pytest.approx(np.std(logs), rel=0.2)
    held = sum(low < 3 < high for low, high in (one.interval() for one in found))
    assert held >= 134  # of 150


def test_a_split_of_few_examples_is_refused_with_how_many_it_takes():
    logits, labels = calibrated(9)
    with pytest.raises(NotApplicable, match="takes 10 validation examples or more, and here are 9"):
        fit(logits, labels)
    logits, labels = calibrated(20, spread=12.0, seed=4)
    with pytest.raises(NotApplicable, match=r"to tell it within a factor of 2 it takes about \d+"):
        fit(logits, labels)


def test_what_has_no_temperature_is_refused():
    logits, labels = calibrated(100)
    with pytest.raises(NotApplicable, match="all 100 validation examples are classified correctly"):
        fit(logits, logits.argmax(axis=1))
    with pytest.raises(NotApplicable, match="no better than chance"):
        fit(-logits, labels)
    with pytest.raises(NotApplicable, match="all logits of an example are the same"):
        fit(np.zeros((100, 5)), labels)
