"""The trees beside networks: on which rows they grow, and what they are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from sklearn.datasets import load_diabetes, load_wine
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from harness.measure.boosted_trees import fit_trees, read_rows


@dataclass
class Split:
    """Examples of two columns, in another order than that of their ids."""

    targets: torch.Tensor

    def batches(self, batch_size):
        for part in torch.arange(1200).split(batch_size):
            inputs = torch.stack([2.0 * part, 2.0 * part + 1], 1)
            yield inputs, self.targets[part], 5000 - part


def test_rows_come_by_id_in_float64():
    inputs, targets, ids = read_rows(Split(torch.arange(1200.0) / 7))
    assert inputs.dtype == targets.dtype == np.float64 and inputs.shape == (1200, 2)
    assert ids.tolist() == list(range(3801, 5001))
    assert inputs[0].tolist() == [2398, 2399] and targets[-1] == 0


def test_no_more_is_read_than_asked_for():
    inputs, targets, _ = read_rows(Split(torch.arange(1200)), most=1025, change=lambda x: x[:, :1])
    assert (
        inputs.shape == (1200, 1) and targets.dtype == np.int64
    )  # two batches of 512 were not enough
    assert read_rows(Split(torch.arange(1200)), most=1024)[0].shape == (512, 2)


def test_they_are_scikit_learns():
    inputs, targets = load_diabetes(return_X_y=True)
    peer = HistGradientBoostingRegressor(random_state=0).fit(inputs, targets)
    np.testing.assert_array_equal(fit_trees(inputs, targets, 0)(inputs), peer.predict(inputs))
    inputs, targets = load_wine(return_X_y=True)
    peer = HistGradientBoostingClassifier(random_state=0).fit(inputs[::2], targets[::2])
    found = fit_trees(inputs[::2], targets[::2], 3)(inputs)
    np.testing.assert_array_equal(found, peer.predict(inputs))


def test_many_classes_have_fewer_rounds():
    inputs, targets = np.arange(39.0)[:, None], np.arange(39) % 13  # too few rows for a split
    trees = fit_trees(inputs, targets, 13).__self__
    assert trees.n_iter_ == 1000 // 13
