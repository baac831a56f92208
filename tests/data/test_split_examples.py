"""A split gives the same batches however it is held."""

import numpy as np
import pytest
import torch
from data_cases import CPU, images, prepared, table

from harness.data import prepared as prepared_module
from harness.data.prepared import SplitExamples, free_memory, read_rows
from harness.errors import DataError

WAYS = ("converted", "mapped")


def split_held(way: str, tmp_path, monkeypatch, values) -> SplitExamples:
    if way == "mapped":
        monkeypatch.setattr(prepared_module, "SMALL_BYTES", 0)
    folder = tmp_path / way
    folder.mkdir()
    examples = prepared(folder, values).split("train", CPU)
    monkeypatch.undo()
    assert (examples.held is None) == (way == "mapped")
    assert way == "mapped" or examples.held.dtype == torch.float32
    return examples


def test_all_ways_give_the_same_batches(tmp_path, monkeypatch):
    splits = [split_held(way, tmp_path, monkeypatch, images()) for way in WAYS]
    order = torch.randperm(len(splits[0]), generator=torch.Generator().manual_seed(0))
    for read in (
        lambda e: [e.take(torch.tensor([5, 0, 17, 5]))],
        lambda e: list(e.in_order(order[:31], 7)),
        lambda e: list(e.batches(10)),
    ):
        expected, found = (read(examples) for examples in splits)
        for batch, same in zip(found, expected, strict=True):
            assert all(torch.equal(a, b) for a, b in zip(batch, same, strict=True))


def test_batches_are_float32_in_data_space(tmp_path):
    values = images()
    data = prepared(tmp_path, values)
    test = data.split("test", CPU)
    inputs, targets, ids = test.take(torch.arange(len(test)))
    assert inputs.dtype == torch.float32 and targets.dtype == ids.dtype == torch.int64
    rows = [data.array("ids").tolist().index(identity) for identity in ids.tolist()]
    expected = values["inputs"][rows].astype(np.float32) * np.float32(1 / 255)
    assert np.array_equal(inputs.numpy(), expected)
    assert np.array_equal(targets.numpy(), values["targets"][rows])


@pytest.mark.parametrize("name", ["inputs", "ids"])
@pytest.mark.parametrize("left", [0, 40, 200])
def test_a_copy_that_was_cut_off_is_told_with_its_path_and_what_to_do(tmp_path, name, left):
    data = prepared(tmp_path, images())
    path = data.folder / f"{name}.npy"
    path.write_bytes(path.read_bytes()[:left])
    with pytest.raises(
        DataError, match=f"{name}.npy is damaged or gone: .*; remove the folder .* and run again"
    ):
        data.split("test", CPU)


def test_targets_of_a_regression_are_float32(tmp_path):
    data = prepared(tmp_path, table(problem="regression"))
    assert data.split("train", CPU).take(torch.arange(3))[1].dtype == torch.float32


@pytest.mark.parametrize("batch_size", [1, 7, 12, 50])
def test_batches_cover_the_split_in_the_order_of_the_ids(tmp_path, batch_size):
    test = prepared(tmp_path, images()).split("test", CPU)
    ids = torch.cat([ids for _, _, ids in test.batches(batch_size)])
    assert torch.equal(ids, test.ids) and torch.equal(ids, ids.sort().values)


def test_a_batch_may_be_written_to(tmp_path):
    test = prepared(tmp_path, images()).split("test", CPU)
    for read in (
        lambda: next(iter(test.batches(5)))[0],
        lambda: next(test.in_order(torch.arange(5), 5))[0],
    ):
        before = read().clone()
        read().zero_()
        assert torch.equal(read(), before)


@pytest.mark.parametrize("side", [3, 100])
def test_rows_of_a_map_are_read_as_they_are_asked_for(side):
    values = np.arange(40 * side * side, dtype=np.uint16).reshape(40, side, side)
    rows = np.array([7, 39, 0, 7, 12])
    assert np.array_equal(read_rows(values, rows), values[rows])


def test_free_memory_is_that_of_the_machine():
    assert 2**20 < free_memory(CPU) < 2**50
