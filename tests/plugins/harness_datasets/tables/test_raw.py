"""Names of columns, and what is said of one that is not there."""

from pathlib import Path

import pytest

from harness.api import DataError
from harness_datasets.tables.raw import RawTable, name_columns


def make(*rows: tuple[str, str, str]) -> RawTable:
    columns = tuple([row[place] for row in rows] for place in range(3))
    return RawTable(Path("t.csv"), ("a", "b", "c"), columns, range(2, 2 + len(rows)))


def test_a_column_that_is_not_there_is_named() -> None:
    with pytest.raises(DataError, match="no column 'd', which drop names; it has a, b, c"):
        make(("1", "2", "3")).require("d", "drop")


def test_single_quotes_around_every_name_are_no_part_of_them() -> None:
    """As in a table of statsmodels, whose column PID was not found though the message listed it."""
    assert name_columns(["'popul'", " 'PID' ", "'vote'"])[0] == ("popul", "PID", "vote")
    assert name_columns(["'popul'", "it's"])[0] == ("'popul'", "it's")
    assert name_columns(["", "'a'"]) == (("column 1", "'a'"), {"column 1"})
