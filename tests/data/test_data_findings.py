"""What is said of data themselves: each fault planted by itself, and none where there is none."""

import numpy as np
import pytest
from data_cases import images, prepared, table

from harness.catalogue.finding import Finding, read_findings
from harness.data.column_statistics import merged_share
from harness.data.data_findings import MERGED, find_merged


def found(folder, values, **changes) -> dict[str, Finding]:
    folder.mkdir(exist_ok=True)
    prepared(folder, values, **changes)
    return {one.code: one for one in read_findings(folder) or ()}


@pytest.mark.parametrize("values", [images(), table(), table(problem="regression")])
def test_nothing_is_said_of_data_as_they_should_be(tmp_path, values):
    assert found(tmp_path, values) == {}


def test_test_rows_copied_from_training(tmp_path):
    inputs = np.random.default_rng(0).normal(size=(120, 4))
    inputs[100:] = inputs[:20]
    split = ["train"] * 80 + ["validation"] * 20 + ["test"] * 20
    one = found(tmp_path, table(n=120), inputs=inputs, split=split)["copies-in-test"]
    assert one.flag == "test examples are in training" and one.numbers["copies"] == 20
    assert one.sentence.startswith(
        "20 of 20 test examples (100%) have exactly the inputs of a training example, such as "
        "example 100 those of example 0"
    )


def test_copies_of_images_are_found_too(tmp_path):
    inputs = images(n=100)["inputs"]
    inputs[80] = inputs[3]
    split = ["train"] * 60 + ["validation"] * 20 + ["test"] * 20
    codes = found(tmp_path, images(n=100), inputs=inputs, split=split)
    assert list(codes) == ["copies-in-test"]
    assert "1 of 20 test examples (5%)" in codes["copies-in-test"].sentence


def test_examples_of_few_values_repeat_by_chance(tmp_path):
    inputs = np.random.default_rng(0).integers(0, 2, (400, 3)).astype(float)
    codes = found(tmp_path, table(n=400), inputs=inputs, split=["train"] * 300 + ["test"] * 100)
    assert codes["copies-in-test"].flag == ""


def test_tiny_classes_are_named(tmp_path):
    targets = np.array([0] * 30 + [1] * 27 + [2] * 2 + [3])
    names = ("cat", "dog", "owl", "elk")
    one = found(tmp_path, table(), targets=targets, class_names=names)["tiny-classes"]
    assert one.sentence.startswith("2 of 4 classes have fewer than 5 examples")
    assert "'owl' (2, 1 in test), 'elk' (1, 0 in test)" in one.sentence


def test_classes_that_differ_in_blanks_or_case_are_named(tmp_path):
    names = ("cat", "cat ", "Dog", "dog", "owl")
    one = found(tmp_path, table(), targets=np.arange(60) % 5, class_names=names)["classes-alike"]
    assert one.sentence.endswith("alone: 'cat' and 'cat ', 'Dog' and 'dog'.")


def test_float32_still_merges_what_lies_in_two_far_places(tmp_path):
    values = table(n=100)["inputs"]
    values[:, 1] = np.where(np.arange(100) % 2, 1.7e9, -1.7e9) + np.arange(100)
    codes = found(tmp_path, table(n=100), inputs=values, feature_names=tuple("abcde"))
    assert list(codes) == ["float32-merges"] and "'b' (9" in codes["float32-merges"].sentence


def test_channels_and_sequences_that_float32_merges_are_named(tmp_path):
    pixels = np.random.default_rng(0).random((60, 3, 4, 4))
    assert found(tmp_path / "a", images(), inputs=pixels, scale=1.0) == {}
    pixels[:, 1] = 0.5 + 1e-9 * pixels[:, 1]
    one = found(tmp_path / "b", images(), inputs=pixels, scale=1.0)["float32-merges"]
    assert "values of channel 1 (100%)" in one.sentence and one.flag
    steps = np.random.default_rng(0).normal(size=(60, 8, 2))
    steps[:, :, 1] = np.where(np.arange(60) % 2, 1.7e9, -1.7e9)[:, None] + np.arange(8)
    one = found(tmp_path / "c", {**table(), "modality": "sequence"}, inputs=steps)["float32-merges"]
    assert "values of feature 1 (8" in one.sentence


def test_real_numbers_that_meet_by_chance_are_no_loss(tmp_path):
    inputs = 1 + 0.1 * np.random.default_rng(0).random((400_000, 1))
    assert merged_share(inputs) > MERGED
    task = prepared(tmp_path, table(features=1)).task
    assert not list(find_merged(task, inputs, np.zeros(1)))


def test_float32_still_merges_targets(tmp_path):
    targets = np.where(np.arange(100) % 2, 1e10, -1e10) + np.arange(100)
    codes = found(tmp_path, table(n=100, problem="regression"), targets=targets)
    assert list(codes) == ["float32-merges-targets"]


def test_values_far_outside_training_are_named(tmp_path):
    inputs = np.random.default_rng(0).normal(size=(100, 5))
    split = np.array(["train"] * 80 + ["test"] * 20)
    inputs[90, 2], inputs[95, 2], inputs[3, 4] = 1e4, -30.0, 500.0
    one = found(tmp_path, table(n=100), inputs=inputs, split=split)["far-outside"]
    assert one.sentence == (
        "2 values of 2 examples that are not for training lie more than 20 deviations outside of it: "
        "feature 2, at example 90, example 95."
    )
