"""Blocks of classes and of examples bound memory, and change no figure."""

import numpy as np
import pytest
from calibrated_cases import calibrated, softmax

from harness_uncertainty import class_bins, prediction_sets
from harness_uncertainty.brier import decompose
from harness_uncertainty.calibration_error import classwise_error
from harness_uncertainty.condition import Condition
from harness_uncertainty.outputs import Outputs


def test_blocks_of_classes_change_no_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    logits, labels = calibrated(100, classes=7)
    p = softmax(2 * logits)
    whole = classwise_error(p, labels), decompose(p, labels)
    monkeypatch.setattr(class_bins, "_MEMORY", 300)
    assert [block.gaps.shape[1] for block in class_bins.class_blocks(p, labels)] == [3, 3, 1]
    classwise, brier = classwise_error(p, labels), decompose(p, labels)
    assert classwise.value == pytest.approx(whole[0].value)
    assert classwise.error == pytest.approx(whole[0].error)
    for part in ("score", "reliability", "resolution", "uncertainty", "debiased_reliability"):
        one, other = getattr(brier, part), getattr(whole[1], part)
        assert (one.value, one.error) == pytest.approx((other.value, other.error)), part


def test_a_label_whose_probability_is_1_counts_as_right() -> None:
    found = decompose(np.array([[1.0, 0.0], [1.0, 0.0]]), np.array([0, 1]))
    assert found.reliability.value == pytest.approx(2 * 0.25)
    assert found.debiased_reliability.value == pytest.approx(2 * 0.25 - 2 * 0.25)


def test_blocks_of_examples_change_no_set(monkeypatch: pytest.MonkeyPatch) -> None:
    logits, labels = calibrated(100, classes=7)
    outputs = Outputs(logits, labels, np.arange(100), 0)

    def sets() -> list[prediction_sets.Sets]:
        rules, _ = prediction_sets.calibrate(outputs, (0.1, 0.3), prediction_sets.Scoring(0))
        return list(
            prediction_sets.make_sets(Condition(outputs), rules, prediction_sets.Scoring(0))
        )

    whole = sets()
    monkeypatch.setattr(prediction_sets, "_MEMORY", 80)
    for one, other in zip(sets(), whole, strict=True):
        assert one.rule == other.rule
        assert np.array_equal(one.covered, other.covered)
        assert np.array_equal(one.sizes, other.sizes)
