"""Errors of calibration against hand-computed cases, loops from the definition, and theory."""

import numpy as np
import pytest
from calibrated_cases import calibrated, softmax

from harness_uncertainty.bins import equal_mass, equal_width
from harness_uncertainty.calibration_error import (
    calibration_error,
    classwise_error,
    classwise_errors,
    debiased,
)
from harness_uncertainty.predictions import Predictions


def loop(confidence, correct, bins=15):
    """Guo et al., equation 3, an interval at a time."""
    total = 0.0
    for b in range(bins):
        inside = (confidence > b / bins) & (confidence <= (b + 1) / bins)
        if b == 0:
            inside |= confidence == 0
        if inside.any():
            total += inside.mean() * abs(correct[inside].mean() - confidence[inside].mean())
    return total


def test_a_bin_owns_its_right_edge_and_the_first_one_0():
    assert equal_width(np.array([0.0, 1 / 15, np.nextafter(1 / 15, 1), 0.2, 14 / 15, 1.0])).tolist() == [
        0, 0, 1, 2, 13, 14,
    ]  # fmt: skip


def test_ece_of_a_hand_computed_case():
    confidence, correct = np.array([0.95, 0.95, 0.65, 0.65]), np.array([1.0, 0.0, 1.0, 1.0])
    found = calibration_error(confidence, correct, equal_width(confidence))
    assert found.value == pytest.approx((2 * 0.45 + 2 * 0.35) / 4)


def test_ece_is_that_of_the_definition_and_of_no_order():
    logits, labels = calibrated(700)
    found = Predictions.of(2 * logits, labels)
    correct = found.correct.astype(float)
    value = calibration_error(found.confidence, correct, equal_width(found.confidence)).value
    assert value == pytest.approx(loop(found.confidence, correct), abs=1e-12)


def test_equal_confidences_share_a_bin_of_equal_mass():
    confidence = np.array([0.8] * 50 + [1.0] * 10)
    for order in (np.arange(60), np.random.default_rng(0).permutation(60)):
        bins = equal_mass(confidence[order])
        assert len(np.unique(bins[confidence[order] == 0.8])) == 1
    correct = np.array([1.0] * 40 + [0.0] * 10 + [1.0] * 10)
    assert calibration_error(confidence, correct, equal_mass(confidence)).value == pytest.approx(0)


def test_bins_of_equal_mass_hold_as_many_each():
    bins = equal_mass(np.random.default_rng(0).random(150))
    assert np.bincount(bins).tolist() == [10] * 15


def test_classwise_error_is_the_mean_over_classes_of_the_loop():
    logits, labels = calibrated(400, classes=3)
    p = softmax(1.7 * logits)
    expected = np.mean([loop(p[:, k], (labels == k).astype(float)) for k in range(3)])
    assert classwise_error(p, labels).value == pytest.approx(expected, abs=1e-12)


def test_standard_errors_are_the_spread_between_data_sets():
    values, errors, of_classes, errors_of_classes = [], [], [], []
    for seed in range(200):
        logits, labels = calibrated(500, seed=seed)
        found = Predictions.of(2.5 * logits, labels)
        ece = calibration_error(
            found.confidence, found.correct.astype(float), equal_width(found.confidence)
        )
        classwise = classwise_error(found.probabilities, labels)
        values.append(ece.value), errors.append(ece.error)
        of_classes.append(classwise.value), errors_of_classes.append(classwise.error)
    assert np.mean(errors) == pytest.approx(np.std(values), rel=0.15)
    assert np.mean(errors_of_classes) == pytest.approx(np.std(of_classes), rel=0.25)


def truth(factor):
    logits, labels = calibrated(400_000, seed=999)
    found = Predictions.of(factor * logits, labels)
    return calibration_error(
        found.confidence, found.correct.astype(float), equal_width(found.confidence)
    ).value


@pytest.mark.parametrize(("factor", "plain_covers"), [(1.0, False), (1.3, True), (3.0, True)])
def test_the_debiased_error_and_its_interval_hold_the_true_one(factor, plain_covers):
    """A calibrated model's plain ECE is surely not 0; the debiased one's interval holds 0."""
    true = truth(factor) if factor > 1 else 0.0
    plain, values, held, plain_held = [], [], 0, 0
    for seed in range(200):
        logits, labels = calibrated(400, seed=seed)
        found = Predictions.of(factor * logits, labels)
        correct, bins = found.correct.astype(float), equal_width(found.confidence)
        ece = calibration_error(found.confidence, correct, bins)
        low, high = ece.interval(0, 1)
        plain_held += low <= true <= high
        plain.append(ece.value)
        value, low, high = debiased(found.confidence, correct, bins)
        values.append(value)
        held += low <= true <= high
    assert held >= 181  # of 200: 95 %, less three standard errors of a binomial count
    assert (plain_held > 150) == plain_covers
    assert abs(np.mean(values) - true) < max(0.012, 0.3 * (np.mean(plain) - true))


@pytest.mark.parametrize("factor", [1.0, 3.0])
def test_other_errors_are_debiased_too(factor):
    """Of a calibrated model the plain ones are surely not 0; the debiased ones' intervals hold the true value."""
    big, big_labels = calibrated(200_000, seed=999)
    many = Predictions.of(factor * big, big_labels)
    even = equal_mass(many.confidence)
    truths = (0.0, 0.0)
    if factor > 1:
        adaptive = calibration_error(many.confidence, many.correct.astype(float), even)
        truths = adaptive.value, classwise_error(many.probabilities, big_labels).value
    held, values, plain = np.zeros(2), [], []
    for seed in range(100):
        logits, labels = calibrated(400, seed=seed)
        found = Predictions.of(factor * logits, labels)
        correct, bins = found.correct.astype(float), equal_mass(found.confidence)
        classwise, less = classwise_errors(found.probabilities, labels)
        pairs = debiased(found.confidence, correct, bins), less
        plain.append((calibration_error(found.confidence, correct, bins).value, classwise.value))
        values.append([one[0] for one in pairs])
        held += [one[1] <= true <= one[2] for one, true in zip(pairs, truths, strict=True)]
    assert (held >= 85).all(), held
    bias, plain_bias = np.mean(values, axis=0) - truths, np.mean(plain, axis=0) - truths
    assert (np.abs(bias) < 0.6 * plain_bias).all(), (bias, plain_bias)


def test_without_noise_nothing_is_taken_away():
    confidence, correct = np.ones(20), np.zeros(20)
    value, low, high = debiased(confidence, correct, equal_width(confidence))
    assert (value, low, high) == (1.0, 1.0, 1.0)


def test_one_example_has_no_interval():
    one = np.array([0.7])
    assert calibration_error(one, np.array([1.0]), equal_width(one)).interval(0, 1) == (None, None)
    assert debiased(one, np.array([1.0]), equal_width(one))[1:] == (None, None)
