"""Rows are known by their cells."""

from pathlib import Path

import pytest

from harness.api import DataError
from harness_datasets.tables.raw import RawTable, name_columns


def make(*rows: tuple[str, str, str]) -> RawTable:
    columns = tuple([row[place] for row in rows] for place in range(3))
    return RawTable(Path("t.csv"), ("a", "b", "c"), columns, range(2, 2 + len(rows)))


def test_a_row_is_known_by_its_cells_and_where_they_end() -> None:
    table = make(("1", "2", "x"), ("1", "2", "y"), ("12", "", "x"), ("1", "2", "x"))
    some = [bytes(row) for row in table.digest_rows(["a", "b"])]
    assert some[0] == some[1] == some[3] and some[2] != some[0]
    every = [bytes(row) for row in table.digest_rows(["a", "b", "c"])]
    assert every[0] == every[3] and len(set(every)) == 3


def test_a_column_that_is_not_there_is_named() -> None:
    with pytest.raises(DataError, match="no column 'd', which drop names; it has a, b, c"):
        make(("1", "2", "3")).require("d", "drop")


def test_single_quotes_around_every_name_are_no_part_of_them() -> None:
    """As in a table of statsmodels, whose column PID was not found though the message listed it."""
    assert name_columns(["'popul'", " 'PID' ", "'vote'"])[0] == ("popul", "PID", "vote")
    assert name_columns(["'popul'", "it's"])[0] == ("'popul'", "it's")
    assert name_columns(["", "'a'"]) == (("column 1", "'a'"), {"column 1"})
