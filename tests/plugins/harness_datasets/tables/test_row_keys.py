"""Rows are known by their cells: numbers by their value, all else by its text."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow
import pytest

from harness_datasets.tables.raw import RawTable
from harness_datasets.tables.row_keys import hash_rows
from harness_datasets.tables.stored_cells import StoredCells


def make(*rows: tuple[str, str, str]) -> RawTable:
    columns = tuple([row[place] for row in rows] for place in range(3))
    return RawTable(Path("t.csv"), ("a", "b", "c"), columns, range(2, 2 + len(rows)))


def one(cells: Sequence[str]) -> list[int]:
    found: list[int] = hash_rows(
        RawTable(Path("t.csv"), ("a",), (cells,), range(len(cells))), ["a"]
    ).tolist()
    return found


def test_a_row_is_known_by_its_cells_and_where_they_stand() -> None:
    table = make(
        ("1", "2", "x"), ("1", "2", "y"), ("12", "", "x"), ("2", "1", "x"), ("1", "2", "x")
    )
    some = hash_rows(table, ["a", "b"]).tolist()
    assert some[0] == some[1] == some[4] and len(set(some)) == 3
    every = hash_rows(table, ["a", "b", "c"]).tolist()
    assert every[0] == every[4] and len(set(every)) == 4


NUMBERS = ["1.5", "-0.0", "", "3e2", "7.", ".25", "100000"]


def test_a_number_is_known_by_its_value_and_words_by_theirs() -> None:
    assert one(["1.50", "0", "300", "+7"]) == [one(NUMBERS)[k] for k in (0, 1, 3, 4)]
    words = ["", "nan", "NaN", "inf", "1_0", "10", "1,0", "\u0661", "1"]
    assert len(set(one(words))) == len(words)


def test_long_whole_numbers_are_told_apart() -> None:
    assert len(set(one(["9007199254740992", "9007199254740993", "1e400", "1e401"]))) == 4


@pytest.mark.parametrize("beside", ["word", "nan", "9007199254740993", "+1", "1e999", "\u0661"])
def test_no_cell_changes_the_key_of_another_row(beside: str) -> None:
    assert one([*NUMBERS, beside])[: len(NUMBERS)] == one(NUMBERS)


@pytest.mark.parametrize(
    "beside", [[], ["nan"], ["9007199254740993"], ["+1", "elm"], ["inf"], ["\u0661"]]
)
def test_cells_of_large_tables_have_the_same_keys(beside: list[str]) -> None:
    cells = [*NUMBERS, *beside]
    chunks = pyarrow.chunked_array([cells[:3], cells[3:]], pyarrow.string())
    assert one(StoredCells(chunks)) == one(cells)


def test_many_rows_of_few_bits_have_keys_of_their_own() -> None:
    """Whole numbers and halves differ in a few bits of float64 each: 2**16 rows of four columns."""
    numbers = np.stack(np.unravel_index(np.arange(2**16), (16,) * 4), axis=1) / 2
    columns = tuple(
        StoredCells(pyarrow.chunked_array([list(map(str, column))])) for column in numbers.T
    )
    table = RawTable(Path("t.csv"), tuple("abcd"), columns, range(2**16))
    keys = hash_rows(table, "abcd")
    assert len(np.unique(keys)) == 2**16
    shares = (keys[:, None] >> np.arange(0, 64, 7, dtype=np.uint64) & np.uint64(1)).mean(axis=0)
    assert np.abs(shares - 0.5).max() < 5 / 2**9  # five deviations
