"""The floors against scikit-learn, which is what they say they are."""

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from harness_quality.floor_models import linear


def parts(load):
    inputs, targets = load(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(inputs))
    cut = len(order) * 2 // 3
    train, test = order[:cut], order[cut:]
    return inputs[train], targets[train], inputs[test]


@pytest.mark.parametrize("load", [load_breast_cancer, load_wine])
def test_the_linear_classifier_is_scikit_learns(load):
    inputs, targets, test = parts(load)
    peer = make_pipeline(StandardScaler(), LogisticRegression(tol=1e-8, max_iter=1000))
    expected = peer.fit(inputs, targets).predict(test)
    found = linear(inputs, targets, int(targets.max()) + 1, test)
    assert np.array_equal(found, expected)


def test_the_linear_regression_is_scikit_learns_ridge():
    inputs, targets, test = parts(load_diabetes)
    expected = make_pipeline(StandardScaler(), Ridge()).fit(inputs, targets).predict(test)
    np.testing.assert_allclose(linear(inputs, targets, 0, test), expected, rtol=1e-8)


def test_a_column_that_does_not_vary_and_one_far_outside_do_no_harm():
    inputs = np.c_[np.ones(40), np.arange(40.0)]
    targets = (inputs[:, 1] > 19.5).astype(int)
    test = np.array([[7.0, 3.0], [1.0, 1e9]])
    assert linear(inputs, targets, 2, test).tolist() == [0, 1]


@pytest.mark.parametrize("unit", [1e-20, 1e-9, 1e20])
def test_the_linear_floor_does_not_depend_on_the_unit_of_a_column(unit):
    inputs, targets, test = parts(load_diabetes)
    expected = linear(inputs, targets, 0, test)
    np.testing.assert_allclose(linear(inputs * unit, targets, 0, test * unit), expected, rtol=1e-8)
