"""CIFAR-10-C and CIFAR-10.1 as they are published, and what is refused of files that are not."""

from __future__ import annotations

import numpy as np
import pytest
from shift_files import cifar, noise

from harness.api import DataError
from harness_datasets.published.cifar import (
    CLASSES,
    corrupted_files,
    load_anew,
    load_corrupted,
    outline_anew,
    outline_corrupted,
)
from harness_datasets.published.options import Cifar10COptions, Cifar101Options


@pytest.fixture
def folder(tmp_path):
    cifar(tmp_path)
    return tmp_path / "CIFAR-10-C"


def test_each_severity_is_its_block(folder):
    loaded = load_corrupted(Cifar10COptions(path=str(folder), severities=(2, 5)))
    assert loaded.inputs.shape == (80, 3, 32, 32) and loaded.class_names == CLASSES
    assert [tuple(one.values()) for one in loaded.parts] == [
        ("fog", 2), ("fog", 5), ("snow", 2), ("snow", 5),
    ]  # fmt: skip
    stored = np.load(folder / "snow.npy").transpose(0, 3, 1, 2)
    assert np.array_equal(loaded.inputs[40:80], np.concatenate([stored[20:40], stored[80:100]]))
    assert np.array_equal(loaded.inputs[39:42][1:], stored[20:22])  # across blocks
    assert np.array_equal(loaded.sources[38:42], [18, 19, 0, 1])
    assert np.array_equal(loaded.targets[40:60], np.arange(20) % 10)
    assert np.array_equal(loaded.part, np.repeat(np.arange(4), 20))


def test_some_corruptions_are_taken_and_their_files_named(folder):
    options = Cifar10COptions(path=str(folder), corruptions="fog")
    assert {one["shift"] for one in load_corrupted(options).parts} == {"fog"}
    assert [path.name for path in corrupted_files(options)] == ["labels.npy", "fog.npy"]


@pytest.mark.parametrize(
    ("name", "array", "words"),
    [
        ("fog", noise(0, 99, 32, 32, 3), r"fog.npy has uint8 of shape \(99, 32, 32, 3\); uint8 of \(100,"),
        ("fog", noise(0, 100, 32, 32, 3) / 255, "fog.npy has float64"),
        ("labels", np.arange(99) % 10, "has 99 labels, which are not 5 severities"),
        ("labels", np.arange(100), "has labels from 0 to 99; allowed are 0 to 9"),
        ("labels", np.zeros((100, 10)), r"has float64 of shape \(100, 10\)"),
    ],
)  # fmt: skip
def test_other_lengths_and_types_are_refused(folder, name, array, words):
    np.save(folder / f"{name}.npy", array)
    for function in (load_corrupted, outline_corrupted):
        with pytest.raises(DataError, match=words):
            function(Cifar10COptions(path=str(folder)))


def test_a_cut_off_file_and_a_missing_one_are_refused(folder):
    whole = (folder / "fog.npy").read_bytes()
    (folder / "fog.npy").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match="fog.npy cannot be read as an .npy file of numbers"):
        outline_corrupted(Cifar10COptions(path=str(folder)))
    with pytest.raises(DataError, match=r"has no frog.npy; its corruptions are fog, snow"):
        outline_corrupted(Cifar10COptions(path=str(folder), corruptions=("frog",)))
    (folder / "labels.npy").unlink()
    with pytest.raises(DataError, match="labels.npy is missing"):
        outline_corrupted(Cifar10COptions(path=str(folder)))


def test_objects_are_never_unpickled(folder):
    np.save(folder / "labels.npy", np.array([{}, []], dtype=object), allow_pickle=True)
    with pytest.raises(DataError, match="cannot be read as an .npy file of numbers"):
        load_corrupted(Cifar10COptions(path=str(folder)))


def test_a_version_of_the_images_that_were_collected_anew(tmp_path):
    cifar(tmp_path)
    loaded = load_anew(Cifar101Options(path=str(tmp_path / "CIFAR-10.1")))
    assert loaded.inputs.shape == (30, 3, 32, 32) and not len(loaded.sources)
    with pytest.raises(DataError, match=r"cifar10.1_v4_labels.npy is missing"):
        outline_anew(Cifar101Options(path=str(tmp_path / "CIFAR-10.1"), version="v4"))
