"""Risk against coverage: by hand, with ties, and against every order of them."""

from itertools import permutations

import numpy as np
import pytest

from harness_uncertainty.selective import (
    area_influences,
    aurc,
    errors_accepted,
    excess_aurc,
    risk_at,
)

CONFIDENCE = np.array([0.9, 0.8, 0.7, 0.6])
CORRECT = np.array([True, False, True, False])


def test_a_hand_computed_case():
    assert errors_accepted(CONFIDENCE, CORRECT).tolist() == [0, 1, 1, 2]
    assert aurc(CONFIDENCE, CORRECT) == pytest.approx((0 + 1 / 2 + 1 / 3 + 2 / 4) / 4)
    assert excess_aurc(CONFIDENCE, CORRECT) == pytest.approx(
        aurc(CONFIDENCE, CORRECT) - (1 / 3 + 2 / 4) / 4
    )
    assert risk_at(CONFIDENCE, CORRECT, 0.5) == (0.5, 2)
    assert risk_at(CONFIDENCE, CORRECT, 0.51) == (pytest.approx(1 / 3), 3)
    assert risk_at(CONFIDENCE, CORRECT, 0.01) == (0.0, 1)


def test_equal_confidences_count_as_the_mean_over_their_orders():
    confidence = np.array([0.9, 0.8, 0.8, 0.8, 0.1])
    correct = np.array([True, False, True, True, False])
    means = []
    for order in permutations(range(1, 4)):
        ranked = correct[[0, *order, 4]]
        means.append((np.cumsum(~ranked) / np.arange(1, 6)).mean())
    assert aurc(confidence, correct) == pytest.approx(np.mean(means))
    assert aurc(confidence[::-1], correct[::-1]) == pytest.approx(np.mean(means))


@pytest.mark.parametrize("ties", [False, True])
def test_influences_give_the_spread_between_data_sets(ties):
    areas, excesses, errors = [], [], []
    for seed in range(300):
        draws = np.random.default_rng(seed)
        confidence = draws.random(300)
        correct = draws.random(300) < 0.4 + 0.6 * confidence
        if ties:
            confidence = confidence.round(1)
        areas.append(aurc(confidence, correct))
        excesses.append(excess_aurc(confidence, correct))
        errors.append([one.std() / np.sqrt(300) for one in area_influences(confidence, correct)])
    assert np.mean(errors, axis=0) == pytest.approx([np.std(areas), np.std(excesses)], rel=0.15)


def test_a_constant_confidence_has_the_error_rate_as_its_area():
    assert aurc(np.full(50, 0.8), np.arange(50) % 5 > 0) == pytest.approx(0.2)


def test_a_model_that_is_least_sure_where_it_is_wrong_has_no_excess():
    assert excess_aurc(np.array([0.9, 0.8, 0.2, 0.1]), np.array([1, 1, 0, 0], bool)) == 0
