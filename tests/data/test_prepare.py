"""Preparing data: what is refused, what is computed, how it is stored."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from data_cases import images, made, prepared, table

from harness.catalogue.finding import Finding, read_findings
from harness.data import input_files
from harness.data.notes import DataNote, read_notes
from harness.data.prepare import prepare
from harness.data.task import Encoded, LoadedData
from harness.errors import DataError, PluginError


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
            "example 7 has 1e.300, beyond the range of float32",
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
            r"1 of 3 classes has no example in the data: 1$",
        ),
        (
            table(),
            {"class_names": ("cat", "dog", "owl")},
            r"1 of 3 classes has no example in the data: 'owl'$",
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
            "1 of 2 classes has no example in the training examples: 1",
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
            "target of example 9 is 1e.300, beyond the range of float32",
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
    train = values["inputs"][data.array("split") == 0]
    mean = np.array(data.task.mean) + np.array(data.task.offset)
    np.testing.assert_allclose(mean, train.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(data.task.std, train.std(axis=0), rtol=1e-6)


def test_a_column_of_large_numbers_takes_nothing_from_a_small_one(tmp_path):
    small = 0.01 * np.random.default_rng(0).normal(size=400)
    inputs = np.stack([1.7e9 + 1000.0 * np.arange(400), small, np.full(400, 0.1)], axis=1)
    data = prepared(tmp_path, table(n=400), inputs=inputs)
    train = data.array("split") == 0
    assert data.task.std[1] == pytest.approx(small[train].std(), rel=1e-6)
    assert data.task.mean[1] == pytest.approx(small[train].mean(), rel=1e-6)
    assert data.task.std[0] == pytest.approx(inputs[train, 0].std(), rel=1e-6)
    assert data.task.std[2] == 0.0 and data.task.mean[2] == np.float32(0.1)


def test_what_float32_would_merge_is_centred_in_float64(tmp_path):
    seconds = 1.7e9 + np.arange(60)
    inputs = np.stack([seconds, np.arange(60) % 7], axis=1)
    data = prepared(tmp_path, table(), inputs=inputs, targets=(seconds >= 1.7e9 + 30).astype(int))
    stored = data.array("inputs")
    assert len(np.unique(stored[:, 0])) == 60 and data.task.offset[1] == 0.0
    np.testing.assert_allclose(stored[:, 0] + data.task.offset[0], seconds, atol=1e-5)
    assert np.array_equal(stored[:, 1], inputs[:, 1])
    assert (data.task.low, data.task.high) == (stored.min(), stored.max())


def test_targets_far_from_zero_are_centred_in_float64(tmp_path):
    inputs = np.random.default_rng(0).normal(size=(200, 2))
    targets = 1.7e9 + inputs @ [100.0, 50.0]
    data = prepared(tmp_path, table(n=200, problem="regression"), inputs=inputs, targets=targets)
    np.testing.assert_allclose(data.array("targets") + data.task.target_offset, targets, atol=1e-4)
    train = data.array("split") == 0
    assert data.task.target_std == pytest.approx(targets[train].std(), rel=1e-6)


def test_a_range_that_is_declared_is_not_moved(tmp_path):
    inputs = 1e6 + np.arange(120.0).reshape(60, 2)
    data = prepared(tmp_path, table(), inputs=inputs, low=1e6, high=1e6 + 200)
    assert data.task.offset == () and np.array_equal(data.array("inputs"), inputs)


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
    assert len(set(data.array("ids").tolist())) == 60
    assert data.array("targets").tolist() == values["targets"].tolist()
    assert data.task.class_names == ("a", "b", "c") and data.task.outputs == 3
    assert sum(data.task.counts.values()) == 60
    assert data.task.counts == {"train": 36, "validation": 12, "test": 12}
    assert json.loads((tmp_path / "task.json").read_text())["counts"]["test"] == 12
    with pytest.raises(DataError, match="no split is named 'holdout'; allowed: test, train, val"):
        data.split("holdout", None)


def test_details_keep_their_order(tmp_path):
    units = {"zeta": 2.0, "alpha": 1.0}  # a problem may go by the order of series, as forecast does
    prepared(tmp_path, table(), details={"units": units})
    task = json.loads((tmp_path / "task.json").read_text(encoding="utf-8"))
    assert list(task["details"]["units"]) == ["zeta", "alpha"]


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
    monkeypatch.setattr(input_files, "BLOCK_BYTES", 10 * 16)
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
    assert replace(data.task, mean=(), std=()) == replace(other.task, mean=(), std=())
    assert data.task.std == pytest.approx(other.task.std, rel=1e-12)


def same_files(first: Path, second: Path) -> bool:
    names = ("inputs.npy", "targets.npy", "split.npy", "ids.npy")
    return all((first / name).read_bytes() == (second / name).read_bytes() for name in names)


def test_examples_without_values_are_refused(tmp_path):
    with pytest.raises(DataError, match=r"the shape \(0,\), which holds no number"):
        prepare(made(table(), inputs=np.empty((60, 0))), 0, tmp_path)


def encode(train: np.ndarray) -> Encoded:
    """Fill with a median that belongs to the training examples alone."""
    values = np.array([[float(i), np.nan if i % 10 == 0 else 1000.0 + i] for i in range(60)])
    values[np.isnan(values)] = np.nanmedian(values[train, 1])
    note = DataNote(title="columns", header=("name", "filled with"), rows=(("b", "median"),))
    return Encoded(
        inputs=values,
        feature_names=("a", "b"),
        notes=(note,),
        findings=(Finding(code="filled", sentence="6 were filled.", advice="See."),),
    )


def learned(**changes: object) -> dict[str, object]:
    keys = np.arange(60, dtype=np.uint64)[:, None].view(np.uint8)
    return {**table(), "inputs": None, "encode": encode, "keys": keys, **changes}


def test_inputs_that_are_learnt_know_the_training_examples_alone(tmp_path):
    data = prepared(tmp_path, learned())
    train = data.array("split") == 0
    known = [1000.0 + i for i in np.flatnonzero(train) if i % 10]
    assert data.array("inputs")[10, 1] + (data.task.offset or (0, 0))[1] == np.median(known)
    assert data.task.feature_names == ("a", "b")
    assert read_notes(tmp_path)[0].rows == (("b", "median"),)
    assert [one.code for one in read_findings(tmp_path)] == ["filled"]


def test_the_cut_depends_on_the_keys_and_not_on_what_is_encoded(tmp_path):
    first, second = tmp_path / "a", tmp_path / "b"
    first.mkdir(), second.mkdir()
    one = prepared(first, learned())
    other = prepared(
        second,
        learned(encode=lambda train: Encoded(inputs=np.random.default_rng(0).random((60, 4)))),
    )
    assert np.array_equal(one.array("split"), other.array("split"))


def test_numbers_of_things_that_are_learnt_are_stored_as_they_are(tmp_path):
    tokens = np.full((60, 2), 200)
    tokens[::2, 0] += 1  # far from zero in deviations, as a real number that is centred would be
    encoded = Encoded(inputs=tokens, high=255.0)
    loaded = learned(modality="tokens", low=0.0, encode=lambda train: encoded)
    found = prepared(tmp_path, loaded)
    assert np.array_equal(found.array("inputs"), tokens) and not found.task.offset


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"encode": None}, "gives either `inputs` or `encode`"),
        ({"inputs": np.zeros((60, 2))}, "gives either `inputs` or `encode`"),
        ({"keys": None}, "gives `encode` without `keys`"),
        ({"targets": None}, "neither its `load` nor its `encode` gives `targets`"),
        ({"encode": None, "inputs": np.zeros((60, 2)), "targets": None}, "gives no `targets`"),
    ],
)
def test_a_loader_gives_its_inputs_in_one_way_and_targets(tmp_path, changes, words):
    with pytest.raises(PluginError, match=words):
        prepare(made(learned(**changes)), 0, tmp_path)


def test_a_finite_value_beyond_float32_is_called_so(tmp_path):
    inputs = with_value(table()["inputs"].astype(np.float64), (7, 2), 1e300)
    names = {"feature_names": tuple("abcde")}
    with pytest.raises(DataError, match="has 1e.300 in 'c', beyond the range of float32"):
        prepare(made(table(), inputs=inputs, **names), 0, tmp_path)


def test_messages_name_the_example_and_the_feature(tmp_path):
    inputs = with_value(table()["inputs"], (7, 2), np.nan)
    names = {"name_example": "data.csv, line {}".format, "feature_names": tuple("abcde")}
    with pytest.raises(
        DataError, match="made: data.csv, line 7 has NaN or an infinite value in 'c'"
    ):
        prepare(made(table(), inputs=inputs, **names), 0, tmp_path)


@pytest.mark.parametrize("shape", [(5,), (3, 40, 40)])
def test_what_is_written_is_what_was_given_with_its_extremes(tmp_path, shape, monkeypatch):
    monkeypatch.setattr(input_files, "_CACHE_BYTES", 1000)
    monkeypatch.setattr(input_files, "BLOCK_BYTES", 40_000)
    values = np.random.default_rng(0).normal(size=(150, *shape))
    axes = (0, *range(2, values.ndim))
    offset = tuple(range(5)) if len(shape) == 1 else ()
    written = input_files.Inputs("x", LoadedData(**images()), values).write(
        tmp_path / "x.npy", offset
    )
    stored = np.float32(values - np.arange(5) if offset else values)
    assert np.array_equal(written.values, stored)
    assert np.array_equal(np.load(tmp_path / "x.npy"), stored)
    least, most = written.extremes(axes)
    assert np.array_equal(least, stored.min(axis=axes))
    assert np.array_equal(most, stored.max(axis=axes))
    assert (written.low, written.high) == (stored.min(), stored.max())


def test_data_that_do_not_fit_the_disk_are_refused_before_any_is_read(tmp_path):
    class Huge:
        shape, dtype = (10**9, 3, 224, 224), np.dtype(np.uint8)

        def __len__(self) -> int:
            return self.shape[0]

        def __getitem__(self, index):
            raise AssertionError("it is read")

    huge = input_files.Inputs("huge", LoadedData(**images()), Huge())
    with pytest.raises(DataError, match=r"huge: 1,000,000,000 examples .* take 151 TB of the disk"):
        huge.write(tmp_path / "inputs.npy")
