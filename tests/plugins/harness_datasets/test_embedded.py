"""The data sets that scikit-learn embeds, and what the package registers."""

from __future__ import annotations

from typing import Any

import built_in
import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import KFold, StratifiedKFold, cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import harness_datasets
from harness.api import Dataset, LoadedData
from harness.api.measuring import call, resolve
from harness_datasets import breast_cancer, diabetes, digits, iris, random_images, wine
from harness_datasets.built_in_options import DigitsOptions, RandomImagesOptions


def test_digits() -> None:
    data = digits.load(DigitsOptions())
    inputs: Any = data.inputs
    assert inputs.shape == (1797, 1, 8, 8) and inputs.dtype == np.uint8
    assert (inputs.min(), inputs.max()) == (0, 16)
    assert inputs.max() * data.scale == data.high == 1.0 and data.low == 0.0
    assert data.class_names == tuple("0123456789")
    assert np.bincount(data.targets).tolist() == [
        178, 182, 177, 183, 181, 182, 181, 179, 174, 180,
    ]  # fmt: skip
    assert inputs[0, 0, 0].tolist() == [0, 0, 5, 13, 9, 1, 0, 0]


def test_digits_are_those_of_scikit_learn_wherever_it_has_them(monkeypatch) -> None:
    expected = load_digits()
    for file in (digits.FILE, "elsewhere.csv.gz"):
        monkeypatch.setattr(digits, "FILE", file)
        data = digits.load(DigitsOptions())
        assert np.array_equal(data.inputs[:, 0], expected.images)
        assert np.array_equal(data.targets, expected.target)


def test_breast_cancer() -> None:
    data = breast_cancer.load()
    assert data.inputs.shape == (569, 30)
    assert (data.modality, data.problem, data.scale) == ("table", "classification", 1.0)
    assert data.class_names == ("malignant", "benign")
    assert np.bincount(data.targets).tolist() == [212, 357]


def test_diabetes() -> None:
    data = diabetes.load()
    inputs: Any = data.inputs
    assert inputs.shape == (442, 10)
    assert (data.modality, data.problem) == ("table", "regression")
    assert (data.targets.min(), data.targets.max()) == (25, 346)
    assert 19 <= inputs[:, 0].min() and inputs[:, 0].max() <= 79  # years, not scaled


def test_random_images() -> None:
    options = RandomImagesOptions(examples=10, channels=3, size=5, classes=4)
    first, second = (random_images.load(options) for _ in range(2))
    assert first.inputs.shape == (10, 3, 5, 5)
    assert np.array_equal(first.inputs[0:10], second.inputs[0:10])
    assert set(first.targets.tolist()) == {0, 1, 2, 3} and len(first.class_names) == 4


def test_items() -> None:
    items = list(harness_datasets.harness_register_datasets())
    assert [item.name for item in items] == [
        "digits", "iris", "wine", "breast_cancer", "diabetes", "lfw_subset", "textures", "random_images", "digits_on_textures",
        "pydoc_topics", "stdlib_source", "docstring_sentences", "tictactoe", "connect_four_endgames", "function", "step_table", "sequence_memory",
        "brackets", "written_dates", "sine_mix", "daily_series",
        "imagefolder", "webdataset", "huggingface", "maskfolder", "coco", "voc", "npz", "table", "textfolder", "time_series", "text_pairs", "csv",
        "idx", "cifar10", "cifar100", "cifar10_c", "cifar10_1", "mnist_c", "imagenet_c", "shifted_folder",
    ]  # fmt: skip
    for item in items:
        assert isinstance(item, Dataset)
        assert item.summary
        assert callable(resolve(item.load))
        asks_for_a_path = item.options is not None and "path" in item.options.model_fields
        assert item.files is not None or not asks_for_a_path


@pytest.mark.parametrize(
    "name",
    [
        "digits",
        "iris",
        "wine",
        "breast_cancer",
        "diabetes",
        "tictactoe",
        "function",
        "sequence_memory",
    ],
)
def test_items_say_what_they_give(name: str) -> None:
    items = built_in.items("dataset")
    options = items[name].options
    data = call(items[name].load, options=None if options is None else options())
    assert isinstance(data, LoadedData)
    assert (items[name].modality, items[name].problem) == (data.modality, data.problem)


def accuracy(model: Any, data: LoadedData) -> float:
    """The mean score of five folds: accuracy, or R2 of a regression."""
    classes = data.problem == "classification"
    folds = (StratifiedKFold if classes else KFold)(5, shuffle=True, random_state=0)
    inputs = np.asarray(data.inputs).reshape(len(data.targets), -1)
    return float(cross_val_score(model, inputs, data.targets, cv=folds).mean())


@pytest.mark.parametrize(
    ("load", "shape", "counts", "model", "known"),
    [
        (iris.load, (150, 4), [50, 50, 50], LogisticRegression(max_iter=500), (0.95, 0.99)),
        (wine.load, (178, 13), [59, 71, 48], LogisticRegression(), (0.96, 1.0)),
        (breast_cancer.load, (569, 30), [212, 357], LogisticRegression(), (0.96, 0.99)),
        (lambda: digits.load(DigitsOptions()), (1797, 1, 8, 8), None, KNeighborsClassifier(1), (0.98, 0.99)),
        (diabetes.load, (442, 10), None, LinearRegression(), (0.45, 0.52)),
    ],
)  # fmt: skip
def test_a_simple_model_reaches_what_is_known(load, shape, counts, model, known) -> None:
    """Fisher's flowers 95 to 98 %, wines 96 to 100 %, tumours 97 to 98 %, digits by the nearest 98.6 %, R2 0.48 of Efron et al."""
    data = load()
    assert np.asarray(data.inputs).shape == shape
    assert counts is None or np.bincount(data.targets).tolist() == counts
    assert not data.feature_names or len(data.feature_names) == shape[1]
    scaled = model if data.modality == "image" else make_pipeline(StandardScaler(), model)
    assert known[0] <= accuracy(scaled, data) <= known[1]
