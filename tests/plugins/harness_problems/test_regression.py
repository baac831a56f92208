"""Targets that are no numbers are said in words; losses and baselines by hand."""

import numpy as np
import pytest
import torch

from harness.api import DataError, LoadedData
from harness_problems.regression import baseline, check, look, loss, strata


def loaded(targets) -> LoadedData:
    inputs = np.zeros((len(targets), 1))
    return LoadedData(
        modality="table", problem="regression", targets=np.asarray(targets), inputs=inputs
    )


@pytest.mark.parametrize(
    ("targets", "words"),
    [
        ([0.0, np.nan], "the target of example 1 is NaN or infinite"),
        ([1e300, 0.0], r"the target of example 0 is 1e\+300, beyond the range of float32"),
    ],
)
def test_what_models_cannot_compute_in_is_refused(targets, words):
    data = loaded(targets)
    with pytest.raises(DataError, match=words):
        check(data.targets, data)


def test_strata_are_fifths():
    assert np.bincount(strata(np.arange(100.0))).tolist() == [20] * 5


def test_the_loss_is_the_squared_error_in_float64():
    found = loss(torch.tensor([[1e-30], [3e-30]]), torch.tensor([0.0, 0.0]))
    assert float(found) == pytest.approx(1e-59, rel=1e-5)


def test_the_baseline_is_the_mean():
    assert baseline(np.array([1.0, 2.0, 6.0])).tolist() == [3.0]


def test_test_targets_that_are_all_the_same_are_told():
    (found,) = look(np.array([1.0, 2.0, 5.0, 5.0]), np.array([0, 0, 2, 2]))
    assert found.code == "constant-targets" and "All 2 test targets are 5" in found.sentence
    assert list(look(np.array([1.0, 2.0, 5.0, 6.0]), np.array([0, 0, 2, 2]))) == []
