"""`brackets`: labels are what was opened less what was closed."""

from __future__ import annotations

import numpy as np
import pytest

from harness_datasets.brackets import CLOSE, OPEN, OTHER, load
from harness_datasets.built_in_options import BracketsOptions


@pytest.mark.parametrize("deepest", [1, 5])
def test_a_label_is_the_number_of_brackets_that_are_open(deepest):
    data = load(BracketsOptions(deepest=deepest, length=30, examples=500))
    tokens = np.asarray(data.inputs)
    depth = ((tokens == OPEN).astype(int) - (tokens == CLOSE)).cumsum(1)
    assert np.array_equal(depth, data.targets)
    assert depth.min() == 0 and depth.max() == deepest and len(data.class_names) == deepest + 1
    assert np.bincount(tokens.ravel())[OTHER] / tokens.size == pytest.approx(0.2, abs=0.02)
    assert len(np.unique(tokens[:, :20], axis=0)) > 0.6 * 500  # sequences differ


def test_parity_is_whether_the_depth_is_odd_and_hard_to_tell_from_a_step():
    data = load(BracketsOptions(label="parity"))
    tokens = np.asarray(data.inputs)
    assert np.array_equal((tokens != OTHER).cumsum(1) % 2, data.targets)
    assert data.class_names == ("even", "odd") and data.targets.mean() == pytest.approx(
        0.5, abs=0.02
    )
    assert np.array_equal(load(BracketsOptions()).inputs, tokens)
