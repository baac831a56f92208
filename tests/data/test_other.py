"""Another data set as examples of this one: its values, its classes, and the test examples that it was made of."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from harness.catalogue.chosen import Chosen
from harness.catalogue.kinds import Dataset
from harness.data.other import open_other, prepare_other
from harness.data.prepare import prepare
from harness.data.prepared import PreparedData
from harness.data.task import LoadedData
from harness.errors import DataError

CPU = torch.device("cpu")
TRAIN, TEST = 30, 12


def chosen(**more) -> Chosen:
    fields = {"modality": "image", "problem": "classification", **more}
    return Chosen(Dataset(name="d", load=lambda: LoadedData(**fields)), "d")


def images(count: int, seed: int = 0, size: int = 4) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, 1, size, size), dtype=np.uint8)


RANGE = {"scale": 1 / 255, "low": 0.0, "high": 1.0}


@pytest.fixture
def base(tmp_path):
    """Three classes; the test examples are the last ones, and have names."""
    folder = tmp_path / "base"
    folder.mkdir()
    prepare(
        chosen(
            inputs=images(TRAIN + TEST),
            targets=np.arange(TRAIN + TEST) % 3,
            split=["train"] * TRAIN + ["test"] * TEST,
            names=[f"x/{number}" for number in range(TRAIN + TEST)],
            class_names=("a", "b", "c"),
            **RANGE,
        ),
        0,
        folder,
    )
    return folder


def test_classes_that_an_outside_set_shares_with_the_data_are_told(base, tmp_path):
    def shared(**more) -> tuple[str, ...]:
        fields = {"inputs": images(8, 1), "targets": np.arange(8) % 2 + 1, **RANGE, **more}
        folder = tmp_path / "outside"
        folder.mkdir(exist_ok=True)
        prepare_other(base, chosen(**fields), None, False, folder)
        return open_other(folder, CPU).shared

    assert shared(class_names=("a", "B", "z")) == ("B",)  # of a there is no example
    assert shared() == ()


@pytest.fixture
def other(base, tmp_path):
    def make(same_classes: bool = True, **more):
        more = {"inputs": images(8, 1), "targets": np.arange(8) % 2, **RANGE, **more}
        folder = tmp_path / "other"
        folder.mkdir(exist_ok=True)
        prepare_other(base, chosen(**more), None, same_classes, folder)
        return open_other(folder, CPU)

    return make


def all_of(part):
    return tuple(torch.cat(one) for one in zip(*part.examples.batches(5), strict=True))


def test_values_come_to_the_range_of_the_data(other):
    stored = images(8, 1)
    (part,) = other(inputs=stored - 128.0, scale=2.0, low=-256.0, high=254.0).parts
    inputs, _, ids = all_of(part)
    expected = torch.from_numpy(stored / 255.0).float()
    assert torch.allclose(inputs.sort(0)[0], expected.sort(0)[0], atol=1e-6)
    assert torch.equal(ids, ids.sort()[0]) and len(ids.unique()) == 8
    (part,) = other(inputs=stored).parts  # bytes stay bytes
    assert torch.allclose(all_of(part)[0].sort(0)[0], expected.sort(0)[0], atol=1e-6)


def test_examples_of_several_parts_pair_by_their_places(other, base):
    data = PreparedData.open(base)
    test = images(TRAIN + TEST)[TRAIN:]
    part = np.repeat([0, 1], TEST)
    found = other(
        inputs=np.concatenate([test // 2, test // 4]),
        targets=np.tile((np.arange(TRAIN, TRAIN + TEST) + 1) % 3, 2),
        class_names=("c", "a", "b"),
        parts=({"shift": "dark"}, {"shift": "darker"}),
        part=part,
        sources=np.tile(np.arange(TEST), 2),
    )
    assert found.paired and found.classes == ((2,), (0,), (1,))
    clean = all_of(SimpleNamespace(examples=data.split("test", CPU)))
    for one, divisor in zip(found.parts, (2, 4), strict=True):
        inputs, targets, ids = all_of(one)
        assert torch.equal(ids, clean[2])
        assert torch.equal((targets + 2) % 3, clean[1])
        assert torch.equal((inputs * 255).round(), (clean[0] * 255).round() // divisor)
    assert [one.where for one in found.parts] == [{"shift": "dark"}, {"shift": "darker"}]
    assert sum(len(inputs) for inputs, _, _ in found.batches(5)) == 2 * TEST


def test_examples_pair_by_their_names(other, base):
    names = [f"x/{number}" for number in range(TRAIN + TEST - 1, TRAIN - 1, -2)]
    targets = np.arange(TRAIN + TEST - 1, TRAIN - 1, -2) % 3
    found = other(inputs=images(6, 2), targets=targets, sources=names)
    assert found.paired
    data = PreparedData.open(base)
    assert set(found.parts[0].examples.ids.tolist()) == set(data.array("ids")[TRAIN + 1 :: 2])
    names[0] = f"x/{TRAIN - 1}"  # of training
    found = other(inputs=images(6, 2), targets=targets, sources=names)
    assert not found.paired and found.note == "not all of its examples bear names of test examples"


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"sources": np.arange(8)}, "it is made of 8 examples, and 12 are for testing"),
        (
            {"inputs": images(12, 3), "targets": np.arange(12) % 2, "sources": np.arange(12)},
            "8 of 12 labels differ from those of the test examples in their order",
        ),
        ({}, ""),
    ],
)
def test_what_does_not_pair_is_taken_unpaired_and_says_why(other, more, words):
    found = other(**more)
    assert not found.paired and found.note == words


def test_of_splits_the_test_examples_are_taken(other):
    split = np.array(["train", "test"] * 4)
    (part,) = other(split=split).parts
    stored = images(8, 1)[1::2]
    inputs = (all_of(part)[0] * 255).round().sort(0)[0]
    assert torch.equal(inputs, torch.from_numpy(stored).float().sort(0)[0])


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"inputs": images(8, 1, size=5)}, r"shape \(1, 5, 5\), and those of the data have \(1, 4, 4\)"),
        ({"inputs": images(0), "targets": np.arange(0)}, "it has no example"),
        ({"inputs": images(7, 1)}, "7 inputs, but targets of shape"),
        ({"targets": np.arange(8) % 4}, "it has a label 3, and the data have 3 classes, 0 to 2"),
        ({"class_names": ("a", "cow")}, "d: 1 of its 2 classes is none of the data's"),
        ({"problem": "regression"}, "it is of regression, and has no classes of the data"),
        ({"scale": 1.0, "low": None, "high": None}, "its values reach from 2 to 255, and those of the data from 0 to 1"),
        ({"inputs": np.full((8, 1, 4, 4), np.nan)}, "NaN"),
        ({"inputs": None, "encode": lambda train: None, "keys": images(8, 1).reshape(8, 16)}, "learnt from its own training examples"),
    ],
)  # fmt: skip
def test_what_is_no_example_of_the_data_is_refused(other, more, words):
    with pytest.raises(DataError, match=words):
        other(**more)


def test_where_labels_do_not_count_any_classes_do(other):
    found = other(same_classes=False, targets=np.arange(8), class_names=tuple("stuvwxyz"))
    assert found.classes == () and len(found.parts[0].examples) == 8


def tokens(count: int, most: int, **more) -> Chosen:
    """Examples of eight tokens, of which the greatest is `most`."""
    values = np.random.default_rng(most).integers(0, most + 1, (count, 8))
    values[0, 0] = most
    fields = {"inputs": values, "targets": np.arange(count) % 2, **more}
    return chosen(modality="tokens", **fields)


@pytest.fixture
def texts(tmp_path):
    folder = tmp_path / "texts"
    folder.mkdir()
    prepare(tokens(30, 20, low=0.0, high=31.0), 0, folder)
    return folder


@pytest.mark.parametrize("same_classes", [True, False])
def test_tokens_stay_the_numbers_that_they_are(texts, tmp_path, same_classes):
    dataset = tokens(8, 25, low=5.0, high=31.0, inputs=np.arange(64).reshape(8, 8) % 20 + 5)
    prepare_other(texts, dataset, None, same_classes, tmp_path)
    (part,) = open_other(tmp_path, CPU).parts
    inputs = all_of(part)[0]
    assert sorted(inputs.flatten().tolist()) == sorted((np.arange(64) % 20 + 5).tolist())


@pytest.mark.parametrize(
    ("dataset", "words"),
    [
        (
            tokens(8, 40),
            "its tokens reach from 0 to 40, and the vocabulary of the data from 0 to 31",
        ),
        (tokens(8, 20, high=255.0), "a vocabulary of 256, and the data have one of 32"),
        (tokens(8, 1, inputs=np.full((8, 8), -1)), "its tokens reach from -1 to -1"),
        (tokens(8, 1, inputs=np.full((8, 8), 0.5)), "tokens are whole numbers from 0"),
        (tokens(8, 20, scale=0.5), "tokens are whole numbers from 0"),
        (
            chosen(modality="table", inputs=np.zeros((8, 8)), targets=np.arange(8) % 2),
            "its modality is table, and that of the data tokens",
        ),
    ],
)
def test_tokens_of_another_vocabulary_are_refused(texts, tmp_path, dataset, words):
    with pytest.raises(DataError, match=words):
        prepare_other(texts, dataset, None, False, tmp_path)
