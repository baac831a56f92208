"""Ids follow contents: whatever the order of a file, an example keeps its own."""

import numpy as np
import pytest
import torch
from data_cases import images, prepared, table

from harness.data import identity
from harness.data.identity import each_target, example_ids, hash_texts, mix_columns
from harness.data.splits import TEST, TRAIN

SPLIT = np.array([TEST, TRAIN, TEST, TRAIN, TEST])


def ids_of(contents, targets, split=SPLIT, names=()):
    return example_ids(
        np.array(contents, dtype=np.uint64), np.array(targets), names, np.array(split)
    )


def test_ids_are_apart_and_of_63_bits():
    ids = ids_of(np.arange(100_000), np.zeros(100_000, dtype=int), np.zeros(100_000, dtype=int))
    assert len(set(ids.tolist())) == 100_000
    assert ids.dtype == np.int64 and ids.min() >= 0 and ids.max() > 2**62
    assert len(set((ids % 64).tolist())) == 64


def test_targets_are_part_of_the_content():
    assert (
        ids_of([5] * 2, [0, 1], [0, 0]).tolist() == ids_of([5] * 2, [1, 0], [0, 0])[::-1].tolist()
    )
    real = ids_of([5] * 2, [0.5, 1e-9], [0, 0])
    assert real[0] != real[1]


def test_a_class_counts_by_its_name():
    """A new class before it in the alphabet moves its number, and not its examples."""
    before = ids_of([1, 2], [0, 1], [0, 0], ("cat", "dog"))
    after = ids_of([1, 2], [1, 2], [0, 0], ("ant", "cat", "dog"))
    assert before.tolist() == after.tolist()


def test_copies_are_counted_those_for_testing_first():
    ids = ids_of([7, 7, 7, 8, 7], [0] * 5)
    assert len(set(ids.tolist())) == 5
    order = np.array([3, 1, 4, 0, 2])
    turned = ids_of([8, 7, 7, 7, 7], [0] * 5, SPLIT[order])
    assert turned[0] == ids[3] and turned[1] == ids[1]
    assert set(turned[2:]) == {ids[0], ids[2], ids[4]}
    without = ids_of([7, 7, 7], [0] * 3, [TEST] * 3)  # no copy in training
    assert set(without) == {ids[0], ids[2], ids[4]}


def shuffled(values, order):
    changed = {**values, "inputs": values["inputs"][order], "targets": values["targets"][order]}
    if values.get("split") is not None:
        changed["split"] = np.asarray(values["split"])[order].tolist()
    return changed


def everything(folder, values):
    """Return what jobs read of a data set, in the order in which they do."""
    folder.mkdir()
    data = prepared(folder, values)
    found = {}
    for name in ("train", "validation", "test"):
        parts = list(data.split(name, torch.device("cpu")).batches(7))
        found[name] = [torch.cat([part[i] for part in parts]) for i in range(3)]
    return found


WITH_COPIES = table()["inputs"][np.arange(60) % 40]
CASES = {
    "images": images(),
    "a table": table(),
    "a regression": table(problem="regression") | {"targets": np.linspace(-1, 1, 60)},
    "far from 0": table() | {"inputs": table()["inputs"] + 1.7e9},
    "copies": table() | {"inputs": WITH_COPIES, "targets": np.arange(60) % 40 % 2},
    "given splits": table() | {"split": ["train"] * 40 + ["test"] * 20},
}


@pytest.mark.parametrize("name", CASES)
def test_two_orders_of_a_data_set_are_one(tmp_path, name):
    values = CASES[name]
    order = np.random.default_rng(0).permutation(len(values["targets"]))
    first = everything(tmp_path / "a", values)
    second = everything(tmp_path / "b", shuffled(values, order))
    for split, (inputs, targets, ids) in first.items():
        assert torch.equal(second[split][2], ids) and len(ids.unique()) == len(ids)
        assert (ids.diff() > 0).all()
        torch.testing.assert_close(second[split][0], inputs)
        torch.testing.assert_close(second[split][1], targets)


def test_another_row_moves_no_id(tmp_path):
    values = table(n=61)
    fewer = {**values, "inputs": values["inputs"][1:], "targets": values["targets"][1:]}
    many, few = (everything(tmp_path / name, one) for name, one in (("a", values), ("b", fewer)))
    ids = [torch.cat([part[2] for part in found.values()]) for found in (many, few)]
    assert set(ids[1].tolist()) < set(ids[0].tolist())


def test_names_that_are_no_text_have_hashes_of_their_own():
    """As of files whose names are in Latin-1."""
    assert len({int(one) for one in hash_texts(["a\udcff", "a\udcfe", "a", "a\\udcff"])}) == 4


def test_targets_of_several_numbers_tell_examples_apart():
    contents, split = np.zeros(3, dtype=np.uint64), np.zeros(3, dtype=np.uint8)
    targets = np.array([[1.0, 2.0], [2.0, 1.0], [1.0, 2.0]])
    ids = example_ids(contents, targets, (), split)
    again = example_ids(contents, targets[[1, 0, 2]], (), split)
    assert sorted(ids) == sorted(again) and len(set(ids)) == 3
    codes = each_target(targets)
    assert codes[0] == codes[2] != codes[1]
    assert each_target(targets[:, 0]).tolist() == [1, 2, 1]


def mixed_by_hand(state: int) -> int:
    """The finaliser of SplitMix64, in whole numbers of Python."""
    state = (state + 0x9E3779B97F4A7C15) % 2**64
    state = (state ^ (state >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
    state = (state ^ (state >> 27)) * 0x94D049BB133111EB % 2**64
    return state ^ (state >> 31)


def test_columns_are_mixed_as_by_hand_whatever_the_parts(monkeypatch):
    numbers = np.array([0.5, -0.0, 0.0, np.nan, -np.inf, 1e300, 7.0] * 3)
    numbers[10] = np.array([0xFFF8000000000001], np.uint64).view(np.float64)[0]  # another NaN
    words = np.arange(21, dtype=np.uint64) % 2 << 63
    bits = [0x7FF8 << 48 if np.isnan(n) else np.float64(n + 0.0).view(np.uint64) for n in numbers]
    wanted = [
        mixed_by_hand(mixed_by_hand(int(one)) ^ int(other))
        for one, other in zip(bits, words, strict=True)
    ]
    assert mix_columns([numbers, words]).tolist() == wanted
    monkeypatch.setattr(identity, "_AT_ONCE", 3)
    monkeypatch.setattr(identity, "_A_THREAD", 5)
    assert mix_columns([numbers, words]).tolist() == wanted
    assert mix_columns([numbers[:0], words[:0]]).tolist() == []
