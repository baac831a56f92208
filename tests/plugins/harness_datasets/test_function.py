"""Functions of one number: their values by hand, their noise, and what simple models make of them."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError
from sklearn.linear_model import LinearRegression
from sklearn.neighbors import KNeighborsRegressor

from harness_datasets.built_in_options import FunctionOptions
from harness_datasets.function import FUNCTIONS, load


@pytest.mark.parametrize(
    ("name", "x", "y"),
    [
        ("sine", [0, 1 / 8, 1 / 4], [0, 1, 0]),
        ("runge", [0, 0.2, -1], [1, 0.5, 1 / 26]),
        ("step", [-0.1, 0, 0.1], [0, 1, 1]),
        ("weierstrass", [0, 1], [2 - 2**-7, -(2 - 2**-7)]),  # a geometric sum; 3^k is odd
    ],
)
def test_values_by_hand(name, x, y):
    assert FUNCTIONS[name](np.array(x)) == pytest.approx(np.array(y), abs=1e-12)


@pytest.mark.parametrize(
    ("name", "straight"), [("sine", 0.2), ("runge", 0.05), ("step", 0.8), ("weierstrass", 0.05)]
)
def test_neighbours_answer_and_a_straight_line_does_not(name, straight):
    data = load(FunctionOptions(of=name))
    x, y = np.asarray(data.inputs), data.targets
    assert x.shape == (1000, 1) and -1 <= x.min() < -0.99 and 0.99 < x.max() <= 1
    near = KNeighborsRegressor(1).fit(x[:800], y[:800]).score(x[800:], y[800:])
    line = LinearRegression().fit(x[:800], y[:800]).score(x[800:], y[800:])
    assert near > (0.9 if name == "weierstrass" else 0.97) and line < straight


def test_noise_is_what_no_model_can_tell():
    plain, noisy = (load(FunctionOptions(noise=noise, examples=4000)) for noise in (0, 0.5))
    assert np.array_equal(plain.inputs, noisy.inputs)
    rest = noisy.targets - plain.targets
    assert abs(rest.mean()) < 0.03 and rest.std() == pytest.approx(0.5, rel=0.05)
    with pytest.raises(ValidationError, match="greater than or equal to 0"):
        FunctionOptions(noise=-1)
