"""A table of steps: what its class depends on, what a rotation keeps, and that trees and linear models see it as they should."""

from __future__ import annotations

import numpy as np
from sklearn.tree import DecisionTreeClassifier

from harness_datasets import step_table
from harness_datasets.built_in_options import StepTableOptions


def loaded(**options):
    data = step_table.load(StepTableOptions(**options))
    return np.asarray(data.inputs, dtype=np.float64), np.asarray(data.targets)


def test_classes_are_equal_and_columns_independent():
    inputs, targets = loaded()
    assert inputs.shape == (2000, 8) and targets.mean() == 0.5
    correlation = np.corrcoef(inputs, rowvar=False)
    assert np.abs(correlation - np.eye(8)).max() < 0.1


def test_the_class_is_a_sum_of_steps_of_the_first_four_columns_alone():
    inputs, targets = loaded()
    fewer, same = loaded(uninformative=0)
    assert np.array_equal(inputs[:, :4], fewer) and np.array_equal(targets, same)
    edges = np.quantile(fewer, np.arange(1, 10) / 10, axis=0)
    pieces = np.stack([np.digitize(fewer[:, k], edges[:, k]) for k in range(4)], axis=1)
    known = np.eye(10)[pieces].reshape(len(fewer), -1)
    weights, *_ = np.linalg.lstsq(known, targets - 0.5, rcond=None)
    assert ((known @ weights > 0) == targets).mean() > 0.95


def test_a_rotation_keeps_lengths_and_the_class_and_hides_the_columns_from_a_tree():
    plain, targets = loaded()
    turned, same = loaded(rotated=True)
    assert np.array_equal(targets, same)
    np.testing.assert_allclose(
        np.linalg.norm(plain, axis=1), np.linalg.norm(turned, axis=1), rtol=1e-5
    )

    def score(inputs):
        tree = DecisionTreeClassifier(max_leaf_nodes=40, random_state=0)
        return tree.fit(inputs[:1500], targets[:1500]).score(inputs[1500:], targets[1500:])

    assert score(plain) > score(turned) + 0.1


def test_a_smooth_one_has_other_classes():
    assert (loaded()[1] != loaded(smooth=True)[1]).mean() > 0.3
