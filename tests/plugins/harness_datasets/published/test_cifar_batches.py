"""CIFAR-10 and CIFAR-100 in the files for Python, read without running anything that is in them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from own_files import write_hundred, write_pickle, write_ten
from shift_files import noise

from harness.api import DataError
from harness_datasets.published.cifar_batches import (
    files_of_hundred,
    files_of_ten,
    load_hundred,
    load_ten,
    outline_hundred,
    outline_ten,
)
from harness_datasets.published.options import Cifar10Options, Cifar100Options


@pytest.fixture
def ten(tmp_path: Path) -> Path:
    return write_ten(tmp_path)


@pytest.fixture
def hundred(tmp_path: Path) -> Path:
    return write_hundred(tmp_path)


def test_the_batches_in_their_order(ten: Path) -> None:
    loaded = load_ten(Cifar10Options(path=str(ten)))
    whole = np.concatenate([noise(number, 6, 3072) for number in range(6)])
    assert np.array_equal(
        np.asarray(loaded.inputs), whole.reshape(36, 3, 32, 32)
    )  # red first, by rows
    assert loaded.targets.tolist() == [0, 1, 2] * 12 and loaded.class_names == (
        "airplane",
        "automobile",
        "bird",
    )
    assert list(loaded.split) == ["train"] * 30 + ["test"] * 6
    assert loaded.name_example(30) == "test_batch, image 1"
    assert outline_ten(Cifar10Options(path=str(ten))).shape == (3, 32, 32)
    assert [path.name for path in files_of_ten(Cifar10Options(path=str(ten)))][-2:] == [
        "test_batch",
        "batches.meta",
    ]
    some = load_ten(Cifar10Options(path=str(ten), classes=("bird", "airplane")))
    assert some.class_names == ("airplane", "bird") and len(some.targets) == 24


def test_classes_and_their_groups(hundred: Path) -> None:
    fine = load_hundred(Cifar100Options(path=str(hundred)))
    assert (
        fine.class_names == ("apple", "bear", "wolf")
        and list(fine.split) == ["train"] * 6 + ["test"] * 6
    )
    options = Cifar100Options(path=str(hundred), labels="coarse", classes="animals")
    coarse = load_hundred(options)
    assert coarse.class_names == ("animals",) == outline_hundred(options).class_names
    assert np.array_equal(np.asarray(coarse.inputs)[:2], noise(0, 6, 3, 32, 32)[1:3])
    assert [path.name for path in files_of_hundred(options)] == ["train", "test", "meta"]


DATA = noise(0, 6, 3072)


@pytest.mark.parametrize(
    ("batch", "words"),
    [
        ([1], "holds a list; a dictionary is needed"),
        ({b"data": DATA[:, :99], b"labels": [0] * 6}, r"uint8 of shape \(6, 99\) as 'data'"),
        ({b"data": DATA / 255, b"labels": [0] * 6}, "float64 of shape"),
        ({b"labels": [0] * 6}, "has no array as 'data'"),
        ({b"data": DATA, b"labels": [0] * 5}, "has 6 images and 5 labels"),
        ({b"data": DATA}, "has no list of whole numbers 'labels'"),
        ({b"data": DATA, b"labels": [0, 1, 3, 0, 0, 0]}, "image 3: its class is 3; allowed are 0 to 2"),
    ],
)  # fmt: skip
def test_other_contents_are_refused_by_file(ten: Path, batch: Any, words: str) -> None:
    write_pickle(ten / "data_batch_3", batch)
    with pytest.raises(DataError, match=words) as caught:
        load_ten(Cifar10Options(path=str(ten)))
    assert str(ten / "data_batch_3") in str(caught.value)


def test_a_torn_file_and_a_missing_one_are_refused(ten: Path) -> None:
    whole = (ten / "data_batch_2").read_bytes()
    for count in (0, 10, len(whole) // 2, len(whole) - 1):
        (ten / "data_batch_2").write_bytes(whole[:count])
        with pytest.raises(DataError, match="data_batch_2 is cut off or no pickle file"):
            load_ten(Cifar10Options(path=str(ten)))
    (ten / "data_batch_2").unlink()
    with pytest.raises(DataError, match="data_batch_2 is missing"):
        load_ten(Cifar10Options(path=str(ten)))
    write_pickle(ten / "batches.meta", {b"label_names": b"airplane"})
    with pytest.raises(DataError, match=r"batches.meta has no list of texts 'label_names'"):
        outline_ten(Cifar10Options(path=str(ten)))
