"""A share of the training examples: which they are, and that nothing of the others is left in what models scale by."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from data_cases import CPU, images, prepared, table

from harness.data.training_share import with_training_share


def test_shares_are_nested_spread_over_classes_and_drawn_for_each_seed(tmp_path: Path) -> None:
    data = prepared(tmp_path, images(n=300, classes=3))
    whole = data.split("train", CPU)
    kept = {}
    for share in (0.1, 0.3, 0.9):
        part = with_training_share(data, share, seed=0).split("train", CPU)
        kept[share] = set(part.ids.tolist())
        assert len(part) == pytest.approx(share * len(whole), abs=1.5)
        per_class = np.bincount(part.targets.numpy(), minlength=3)
        assert per_class.max() - per_class.min() <= 1
    assert kept[0.1] < kept[0.3] < kept[0.9] < set(whole.ids.tolist())
    other = with_training_share(data, 0.3, seed=1).split("train", CPU)
    assert 0 < len(kept[0.3] & set(other.ids.tolist())) < len(kept[0.3])
    assert with_training_share(data, 1.0, seed=0) is data


def test_validation_and_test_stay_whole_and_the_task_counts_what_is_left(tmp_path: Path) -> None:
    data = prepared(tmp_path, images(n=300))
    part = with_training_share(data, 0.2, seed=3)
    for split in ("validation", "test"):
        assert part.split(split, CPU).ids.tolist() == data.split(split, CPU).ids.tolist()
        assert part.task.counts[split] == data.task.counts[split]
    assert part.task.counts["train"] == len(part.split("train", CPU)) == 36


def test_a_tiny_share_has_one_example_of_each_class(tmp_path: Path) -> None:
    part = with_training_share(prepared(tmp_path, images(n=300, classes=5)), 1e-6, seed=0)
    assert sorted(part.split("train", CPU).targets.tolist()) == [0, 1, 2, 3, 4]


def test_a_class_of_one_example_keeps_it(tmp_path: Path) -> None:
    data = prepared(tmp_path, images(n=6, classes=3))
    assert data.task.counts["train"] == 3
    for share in (0.1, 0.9):
        part = with_training_share(data, share, seed=0).split("train", CPU)
        assert sorted(part.targets.tolist()) == sorted(data.split("train", CPU).targets.tolist())


def test_inputs_and_targets_are_scaled_by_what_is_left_alone(tmp_path: Path) -> None:
    data = prepared(tmp_path, table(n=200, problem="regression"))
    part = with_training_share(data, 0.1, seed=0)
    inputs, targets, _ = next(iter(part.split("train", CPU).batches(1000)))
    np.testing.assert_allclose(part.task.mean, inputs.double().mean(0), rtol=1e-5)
    np.testing.assert_allclose(part.task.std, inputs.double().std(0, unbiased=False), rtol=1e-5)
    assert part.task.target_mean == pytest.approx(float(targets.double().mean()), rel=1e-5)
    assert part.task.target_std == pytest.approx(
        float(targets.double().std(unbiased=False)), rel=1e-5
    )
    assert part.task.mean != data.task.mean


def test_images_are_scaled_in_data_space(tmp_path: Path) -> None:
    part = with_training_share(prepared(tmp_path, images(n=100)), 0.2, seed=0)
    inputs, _, _ = next(iter(part.split("train", CPU).batches(1000)))
    np.testing.assert_allclose(part.task.mean, [float(inputs.double().mean())], rtol=1e-6)
