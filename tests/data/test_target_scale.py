"""The statistics of targets that are counted from what inputs say."""

import numpy as np
import pytest

from harness.catalogue.host import Host
from harness.data.prepare import prepare
from harness.data.target_scale import scale_targets
from harness.plan.names import choose_one


def test_targets_are_stored_less_an_offset_with_the_statistics_of_training():
    targets = 1e7 + np.array([0.0, 1.0, 2.0, 50.0])
    found = scale_targets(targets, np.array([True, True, True, False]))
    assert found.targets + found.offset == pytest.approx(targets) and found.targets.dtype == "f4"
    assert found.mean + found.offset == pytest.approx(1e7 + 1)
    assert found.std == pytest.approx(np.std([0, 1, 2]))


def test_what_networks_count_from_is_no_part_of_the_statistics(tmp_path):
    dataset = choose_one(Host().catalogue, "dataset", "daily_series:years=3,series=2")
    task = prepare(dataset, 0, tmp_path)
    inputs, targets, split = (
        np.load(tmp_path / f"{n}.npy") for n in ("inputs", "targets", "split")
    )
    inputs, targets = inputs[split == 0].astype("f8"), targets[split == 0].astype("f8")
    offset = np.array(task.offset or 0.0)
    changes = targets + task.target_offset - (inputs.mean(1, keepdims=True) + offset)
    assert task.target_mean == pytest.approx(changes.mean(), rel=1e-4)
    assert task.target_std == pytest.approx(changes.std(), rel=1e-4)
    assert task.target_std < targets.std()
