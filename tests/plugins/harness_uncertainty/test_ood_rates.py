"""DetectionRates of detection against scikit-learn, by hand, and their intervals against theory."""

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.metrics import average_precision_score, roc_auc_score

from harness_uncertainty.ood_rates import RATES, mean_rates, rate


def by_name(inside, outside):
    found = rate(np.asarray(inside, float), np.asarray(outside, float))
    return dict(zip(RATES, found.values, strict=True))


@pytest.mark.parametrize("decimals", [8, 1, 0])  # with few ties, many, and hardly anything else
def test_rates_are_scikit_learns(decimals):
    draws = np.random.default_rng(decimals)
    inside, outside = (draws.normal(m, 1, n).round(decimals) for m, n in ((0.8, 130), (0.0, 90)))
    truth, scores = np.repeat([1, 0], [130, 90]), np.concatenate([inside, outside])
    found = by_name(inside, outside)
    assert found["auroc"] == pytest.approx(roc_auc_score(truth, scores), abs=1e-12)
    assert found["aupr_in"] == pytest.approx(average_precision_score(truth, scores), abs=1e-12)
    assert found["aupr_out"] == pytest.approx(
        average_precision_score(1 - truth, -scores), abs=1e-12
    )
    threshold = max(t for t in scores if (inside >= t).mean() >= 0.95)
    assert found["fpr95"] == pytest.approx((outside >= threshold).mean(), abs=1e-12)


def test_a_hand_computed_case():
    found = by_name([4, 3, 1], [2, 0])
    assert found["auroc"] == pytest.approx(5 / 6)
    assert found["aupr_in"] == pytest.approx((1 + 1 + 3 / 4) / 3)
    assert found["aupr_out"] == pytest.approx((1 + 2 / 3) / 2)
    assert found["fpr95"] == pytest.approx(1 / 2)  # all three are kept at 1, where 2 passes


def test_a_constant_score_tells_nothing():
    found = by_name([1] * 30, [1] * 10)
    assert found == {
        "auroc": pytest.approx(0.5),
        "aupr_in": pytest.approx(0.75),
        "aupr_out": pytest.approx(0.25),
        "fpr95": pytest.approx(1.0),
    }


def test_a_score_that_tells_all_apart():
    assert by_name([2, 3], [0, 1]) == pytest.approx(
        {"auroc": 1, "aupr_in": 1, "aupr_out": 1, "fpr95": 0}
    )


def test_intervals_hold_the_true_rates():
    held = np.zeros(4)
    true = {"auroc": norm.cdf(1 / np.sqrt(2)), "fpr95": norm.sf(norm.ppf(0.05) + 1)}
    for seed in range(100):
        draws = np.random.default_rng(seed)
        ends = rate(draws.normal(1, 1, 200), draws.normal(0, 1, 150)).interval()
        for name, value in true.items():
            at = RATES.index(name)
            held[at] += ends[0, at] <= value <= ends[1, at]
    assert held[RATES.index("auroc")] >= 88 and held[RATES.index("fpr95")] >= 85


def test_resamples_of_two_scores_are_of_the_same_examples():
    draws = np.random.default_rng(0)
    inside, outside = draws.normal(1, 1, 50), draws.normal(0, 1, 40)
    one, other = rate(inside, outside), rate(3 * inside + 1, 3 * outside + 1)
    assert np.array_equal(one.resampled, other.resampled)
    mean = mean_rates([one, other])
    assert np.allclose(mean.values, one.values) and np.allclose(mean.interval(), one.interval())
