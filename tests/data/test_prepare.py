"""Preparing data: what is refused, what is computed, how it is stored."""

import json
from pathlib import Path

import numpy as np
import pytest
from data_cases import images, made, prepared, table

from harness.data import prepare as prepare_module
from harness.data.prepare import prepare
from harness.errors import DataError


def with_value(array: np.ndarray, place: int, value: float) -> np.ndarray:
    changed = array.astype("float64")
    changed[place] = value
    return changed


@pytest.mark.parametrize(
    ("values", "changes", "words"),
    [
        (table(), {"inputs": with_value(table()["inputs"], 7, np.nan)}, "example 7 has NaN"),
        (table(), {"inputs": with_value(table()["inputs"], 7, np.inf)}, "example 7 has NaN"),
        (
            table(),
            {"inputs": with_value(table()["inputs"], 7, 1e300)},
            "example 7 has NaN or an inf",
        ),
        (table(), {"inputs": np.full((60, 2), "text")}, "numbers are needed"),
        (
            table(),
            {"targets": np.arange(60) % 2 - 1},
            "30 labels are out of range; the first is -1",
        ),
        (table(), {"targets": np.full(60, -3)}, "60 labels are out of range"),
        (table(), {"targets": np.arange(60) % 3, "class_names": ("a", "b")}, "allowed: 0 to 1"),
        (table(), {"targets": np.arange(60) % 2 + 0.5}, "whole numbers from 0; got float64"),
        (table(), {"targets": with_value(np.arange(60) % 2, 4, np.nan)}, "got nan at example 4"),
        (table(), {"targets": np.full(60, "cat")}, "whole numbers from 0; got <U3"),
        (
            table(),
            {"targets": np.arange(60) % 2 * 2},
            r"1 of 3 classes have no example in the data: 1$",
        ),
        (
            table(),
            {"class_names": ("cat", "dog", "owl")},
            r"1 of 3 classes have no example in the data: 'owl'$",
        ),
        (
            table(),
            {"targets": with_value(np.zeros(60), 0, 1e15)},
            r"classes have no example .*, \.\.\.",
        ),
        (table(), {"targets": np.zeros(60)}, "only one class; a classifier needs two"),
        (table(), {"targets": np.zeros(59)}, "60 inputs, but targets of shape \\(59,\\)"),
        (table(n=4), {}, "4 examples are too few"),
        (
            table(),
            {"targets": (np.arange(60) >= 40).astype(int), "split": ["train"] * 40 + ["test"] * 20},
            "1 of 2 classes have no example in the training examples: 1",
        ),
        (table(), {"split": ["train"] * 59 + ["holdout"]}, "made: split 'holdout' is none of"),
        (images(), {"high": 0.5}, "declared to end at 0.5"),
        (images(), {"low": 0.2}, "declared to begin at 0.2"),
        (
            table(problem="regression"),
            {"targets": with_value(np.arange(60), 9, np.nan)},
            "target of example 9 is NaN or infinite",
        ),
        (
            table(problem="regression"),
            {"targets": with_value(np.arange(60), 9, 1e300)},
            "target of example 9 is NaN or infinite",
        ),
    ],
)
def test_bad_contents_are_refused_in_words(tmp_path, values, changes, words):
    with pytest.raises(DataError, match=words) as caught:
        prepare(made(values, **changes), 0, tmp_path)
    assert str(caught.value).startswith("made: ")


def test_statistics_are_those_of_the_training_examples_in_float64(tmp_path):
    values = images(n=100, channels=3)
    data = prepared(tmp_path, values)
    train = values["inputs"][data.array("split") == 0].astype(np.float64) / 255
    np.testing.assert_allclose(data.task.mean, train.mean(axis=(0, 2, 3)), rtol=1e-12)
    np.testing.assert_allclose(data.task.std, train.std(axis=(0, 2, 3)), rtol=1e-12)


def test_statistics_far_from_zero_do_not_cancel(tmp_path):
    values = table(n=200)
    values["inputs"] = 10_000 + values["inputs"]
    data = prepared(tmp_path, values)
    train = values["inputs"].astype(np.float32)[data.array("split") == 0].astype(np.float64)
    np.testing.assert_allclose(data.task.mean, train.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(data.task.std, train.std(axis=0), rtol=1e-9)


def test_statistics_of_a_sequence_are_per_feature(tmp_path):
    inputs = np.random.default_rng(0).normal(size=(40, 7, 2)).astype("float32")
    data = prepared(tmp_path, table(n=40), modality="sequence", inputs=inputs)
    train = inputs[data.array("split") == 0].astype(np.float64)
    np.testing.assert_allclose(data.task.mean, train.mean(axis=(0, 1)), rtol=1e-9)
    assert data.task.input_shape == (7, 2) and data.task.in_channels == 2


def test_eight_bits_stay_eight_bits(tmp_path):
    values = images()
    data = prepared(tmp_path, values)
    assert data.array("inputs").dtype == np.uint8
    assert np.array_equal(data.array("inputs"), values["inputs"])
    assert (data.task.low, data.task.high, data.task.scale) == (0.0, 1.0, 1 / 255)


@pytest.mark.parametrize("dtype", ["float64", "float32", "int64", "int16", "uint16", "bool"])
def test_all_else_becomes_float32(tmp_path, dtype):
    inputs = (np.arange(240).reshape(60, 4) % 7).astype(dtype)
    data = prepared(tmp_path, table(), inputs=inputs)
    assert data.array("inputs").dtype == np.float32
    assert np.array_equal(data.array("inputs"), inputs.astype(np.float32))


def test_the_range_is_that_of_the_data_unless_it_is_declared(tmp_path):
    values = table()
    data = prepared(tmp_path, values)
    stored = values["inputs"].astype(np.float32)
    assert (data.task.low, data.task.high) == (stored.min(), stored.max())


def test_targets_of_a_regression(tmp_path):
    values = table(problem="regression", n=100)
    data = prepared(tmp_path, values)
    train = values["targets"].astype(np.float32)[data.array("split") == 0].astype(np.float64)
    assert data.task.outputs == 1 and data.task.headline == "r2"
    np.testing.assert_allclose(data.task.target_mean, train.mean(), rtol=1e-12)
    np.testing.assert_allclose(data.task.target_std, train.std(), rtol=1e-12)
    quantiles = np.quantile(values["targets"], [0.2, 0.4, 0.6, 0.8])
    fifths = np.searchsorted(quantiles, values["targets"])
    for fifth in range(5):  # stratified by the target
        assert (data.array("split")[fifths == fifth] == 2).sum() == 4


def test_constant_targets_have_a_scale(tmp_path):
    data = prepared(tmp_path, table(problem="regression"), targets=np.full(60, 7.0))
    assert (data.task.target_mean, data.task.target_std) == (7.0, 1.0)


def test_what_is_written_can_be_mapped_and_read_back(tmp_path):
    values = images(classes=3)
    data = prepared(tmp_path, values, class_names=("a", "b", "c"))
    assert isinstance(data.array("inputs"), np.memmap)
    assert data.array("ids").tolist() == list(range(60))
    assert data.array("targets").tolist() == values["targets"].tolist()
    assert data.task.class_names == ("a", "b", "c") and data.task.outputs == 3
    assert sum(data.task.counts.values()) == 60
    assert data.task.counts == {"train": 36, "validation": 12, "test": 12}
    assert json.loads((tmp_path / "task.json").read_text())["counts"]["test"] == 12
    with pytest.raises(DataError, match="no split is named 'holdout'; allowed: test, train, val"):
        data.split("holdout", None)


def test_a_split_without_examples_says_so(tmp_path):
    data = prepared(tmp_path, images(), split=["test"] * 60)
    assert data.task.counts == {"train": 0, "validation": 0, "test": 60}
    with pytest.raises(DataError, match="no train examples"):
        data.split("train", None)


class Lazy:
    """An `InputArray` that notes what is asked of it."""

    def __init__(self, inputs: np.ndarray) -> None:
        self.inputs, self.shape, self.dtype = inputs, inputs.shape, inputs.dtype
        self.asked: list[slice] = []

    def __getitem__(self, index: slice) -> np.ndarray:
        assert isinstance(index, slice)
        self.asked.append(index)
        return self.inputs[index]


def test_inputs_are_asked_for_block_by_block_and_once(tmp_path, monkeypatch):
    monkeypatch.setattr(prepare_module, "_BLOCK_BYTES", 10 * 16)
    whole, lazy = tmp_path / "whole", Lazy(images()["inputs"])
    blocks = tmp_path / "blocks"
    whole.mkdir(), blocks.mkdir()
    data = prepared(blocks, images(), inputs=lazy)
    assert [(part.start, part.stop) for part in lazy.asked] == [
        (s, s + 10) for s in range(0, 60, 10)
    ]
    monkeypatch.undo()
    other = prepared(whole, images())
    assert same_files(whole, blocks)
    assert data.task == other.task


def same_files(first: Path, second: Path) -> bool:
    names = ("inputs.npy", "targets.npy", "split.npy", "ids.npy")
    return all((first / name).read_bytes() == (second / name).read_bytes() for name in names)


def test_examples_without_values_are_refused(tmp_path):
    with pytest.raises(DataError, match=r"the shape \(0,\), which holds no number"):
        prepare(made(table(), inputs=np.empty((60, 0))), 0, tmp_path)
