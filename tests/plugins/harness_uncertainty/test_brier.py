"""The Brier score and its parts: they add up, and are what the definitions say."""

import numpy as np
import pytest
from calibrated_cases import calibrated, softmax
from sklearn.metrics import brier_score_loss, log_loss

from harness_uncertainty.brier import decompose
from harness_uncertainty.predictions import Predictions


def test_parts_of_a_hand_computed_case():
    p = np.array([[0.9, 0.1], [0.9, 0.1], [0.3, 0.7], [0.3, 0.7]])
    found = decompose(p, np.array([0, 1, 1, 1]))
    # Class 0: bins 0.9 with half right, 0.3 with none; its share is 1/4. Class 1 mirrors it.
    assert found.reliability.value == pytest.approx(2 * (0.5 * 0.4**2 + 0.5 * 0.3**2))
    assert found.resolution.value == pytest.approx(2 * (0.5 * 0.25**2 + 0.5 * 0.25**2))
    assert found.uncertainty.value == pytest.approx(2 * 0.25 * 0.75)
    assert found.score.value == pytest.approx(2 * (0.01 + 0.81 + 0.09 + 0.09) / 4)
    chance = 2 * 0.5 * (0.25 / 1)  # two bins of two, of which one is half right
    assert found.debiased_reliability.value == pytest.approx(found.reliability.value - chance)


def test_the_score_is_scikit_learns_and_the_parts_add_up():
    logits, labels = calibrated(600, classes=4)
    p = softmax(1.5 * logits)
    found = decompose(p, labels)
    parts = found.reliability.value - found.resolution.value + found.uncertainty.value
    assert found.score.value == pytest.approx(parts, abs=1e-12)
    expected = brier_score_loss(labels, p, scale_by_half=False, labels=range(4))
    assert found.score.value == pytest.approx(expected, abs=1e-12)
    losses = Predictions.of(1.5 * logits, labels).losses
    assert losses.mean() == pytest.approx(log_loss(labels, p), abs=1e-10)


def test_chance_is_taken_from_the_reliability_of_a_calibrated_model():
    found = [decompose(softmax(z), y) for z, y in (calibrated(400, seed=s) for s in range(100))]
    plain = np.mean([one.reliability.value for one in found])
    values = np.array([one.debiased_reliability.value for one in found])
    assert plain > 0.02 and abs(values.mean()) < 3 * values.std() / 10 + 0.002


def test_errors_are_the_spread_between_data_sets():
    found = [decompose(softmax(2 * z), y) for z, y in (calibrated(500, seed=s) for s in range(200))]
    for part in ("score", "reliability", "resolution", "uncertainty"):
        values = [getattr(one, part).value for one in found]
        errors = [getattr(one, part).error for one in found]
        assert np.mean(errors) == pytest.approx(np.std(values), rel=0.2), part
