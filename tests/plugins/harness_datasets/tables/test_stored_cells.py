"""Cells that Arrow keeps are read as a list is, and their numbers are those that numpy reads."""

import numpy as np
import pyarrow
import pytest

from harness_datasets.tables.cells import read_numbers
from harness_datasets.tables.stored_cells import StoredCells, count_words, store

TEXTS = ["1", "", "-2.5e-3", "1", "007"]


def stored(texts):
    return StoredCells(pyarrow.chunked_array([texts[:2], texts[2:]], pyarrow.string()))


def test_they_are_a_sequence():
    cells = stored(TEXTS)
    assert list(cells) == TEXTS and len(cells) == 5 and cells[2] == "-2.5e-3" and cells[-1] == "007"
    assert cells[1:3] == TEXTS[1:3] and "007" in cells
    assert list(cells.take(np.array([4, 0]))) == ["007", "1"]
    assert list(count_words(cells).items()) == list(count_words(TEXTS).items())
    assert cells.first_code() == "007" and stored(["0.5", "0", "0x", "a"]).first_code() == ""


@pytest.mark.parametrize(
    "texts",
    [TEXTS, ["1e400", "1", "2"], ["nan", "1", "2"], ["inf", "1", "2"], ["+1", "2", "3"], ["1,000", "2", "3"], ["a", "b", "c"],
     ["0.1", "123456789012345678", "5e-324"], ["", "", ""]],
)  # fmt: skip
def test_numbers_are_those_of_a_list(texts):
    found, expected = (read_numbers(cells, (".", ","), ()) for cells in (stored(texts), texts))
    assert (found is None) == (expected is None)
    if found is not None:
        assert np.array_equal(found.values, expected.values, equal_nan=True)
        assert found.odd == expected.odd


def test_batches_are_mapped():
    table = pyarrow.table({"a": ["1", "2", "é"], "b": ["x", "", "z"]})
    mapped = store(table.schema, table.to_batches(max_chunksize=2))
    assert mapped.equals(table) and mapped["a"].num_chunks == 2
