"""Some classes of a data set alone, in each form of data; and the others as near examples of a model's."""

from pathlib import Path

import numpy as np
import pytest
from here_engine import run_here
from shift_files import pictures

from harness.api import DataError, LoadedData
from harness_datasets import digits, imagefolder, npz
from harness_datasets.built_in_options import DigitsOptions
from harness_datasets.chosen_classes import keep_classes
from harness_datasets.options import ImageFolderOptions, NpzOptions


def test_classes_keep_their_examples_and_are_numbered_anew():
    whole = digits.load(DigitsOptions())
    some = digits.load(DigitsOptions(classes=[7, 2]))
    kept = np.isin(whole.targets, (2, 7))
    assert some.class_names == ("2", "7")
    assert np.array_equal(some.inputs, np.asarray(whole.inputs)[kept])
    assert np.array_equal(some.targets, (whole.targets[kept] == 7).astype("int64"))
    assert digits.outline(DigitsOptions(classes=[7, 2])).class_names == ("2", "7")


def test_arrays_keep_their_splits_and_are_known_by_their_numbers(tmp_path: Path):
    images, labels = np.arange(24.0).reshape(6, 2, 2), np.array([3, 5, 9, 3, 5, 9])
    path = tmp_path / "a.npz"
    np.savez(path, x_train=images[:3], y_train=labels[:3], x_test=images[3:], y_test=labels[3:])
    some = npz.load(NpzOptions(path=str(path), classes=("9", "3")))
    assert some.class_names == ("3", "9") and some.targets.tolist() == [0, 1, 0, 1]
    assert np.array_equal(some.inputs[:, 0], images[[0, 2, 3, 5]])
    assert list(some.split) == ["train", "train", "test", "test"]
    with pytest.raises(DataError, match="classes= is for classes"):
        npz.load(NpzOptions(path=str(path), classes="3", problem="regression"))


def test_what_is_said_of_examples_and_classes_is_kept_with_them():
    whole = LoadedData(
        modality="table",
        problem="classification",
        inputs=np.arange(10.0).reshape(5, 2),
        targets=np.array([0, 1, 2, 1, 0]),
        class_names=("a", "b", "c"),
        means=(("x",), ("y", "z"), ()),
        keys=np.arange(5, dtype=np.uint8)[:, None],
        groups=np.array([5, 6, 7, 8, 9]),
        order=np.arange(5.0),
        parts=({"severity": 1}, {"severity": 2}),
        part=np.array([0, 0, 1, 1, 1]),
        columns={"ward": ("n", "s", "n", "s", "w")},
        names=("n0", "n1", "n2", "n3", "n4"),
        sources=np.array([10, 11, 12, 13, 14]),
        name_example="line {}".format,
    )
    some = keep_classes("d", whole, ("c", "b"))  # rows 1, 2 and 3
    assert some.targets.tolist() == [0, 1, 0] and some.means == (("y", "z"), ())
    assert some.keys[:, 0].tolist() == [1, 2, 3] and some.order.tolist() == [1, 2, 3]
    assert some.groups.tolist() == [6, 7, 8] and some.part.tolist() == [0, 1, 1]
    assert list(some.columns["ward"]) == ["s", "n", "s"] and list(some.names) == ["n1", "n2", "n3"]
    assert list(some.sources) == [11, 12, 13] and some.name_example(2) == "line 3"


def test_folders_are_left_out_and_counted(tmp_path: Path):
    root = pictures(tmp_path, ("ant", "bee", "cat"), count=2)
    (root / "dog").mkdir()  # without images, which is no matter where it is left out
    some = imagefolder.load(ImageFolderOptions(path=str(root), size=4, classes=("cat", "ant")))
    assert some.class_names == ("ant", "cat") and some.targets.tolist() == [0, 0, 1, 1]
    files = imagefolder.find_files(ImageFolderOptions(path=str(root), classes=("cat", "ant")))
    assert [file.parent.name for file in files] == ["ant", "ant", "cat", "cat"]
    assert ("images of classes that are not asked for", "2", "left out") in some.notes[0].rows
    with pytest.raises(
        DataError, match="names 'fox', and its classes are 'ant', 'bee', 'cat', 'dog'"
    ):
        imagefolder.outline(ImageFolderOptions(path=str(root), classes=("fox", "ant")))


@pytest.mark.slow
def test_a_model_of_some_classes_is_shown_the_others_as_a_near_set(tmp_path: Path):
    suite = {
        "suite": {"name": "n"},
        "matrix": {
            "architectures": ["mlp"],
            "datasets": ["digits:classes=[0,1,2,3,4,5,6,7]"],
            "floors": False,
        },
        "recipes": {"plain": {"epochs": 3}},
        "measure": [{"name": "ood", "made": [], "near_datasets": ["digits:classes=[8,9]"]}],
    }
    [row] = run_here(suite, store=tmp_path).summary.rows
    assert "ood/auroc_near" in row.figures
