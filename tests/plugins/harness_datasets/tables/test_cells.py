"""What cells say: numbers in two ways of writing, dates in many, and nothing."""

from datetime import datetime, timedelta

import numpy as np
import pyarrow
import pytest

from harness_datasets.tables.cells import (
    read_dates,
    read_flags,
    read_number,
    read_numbers,
    spellings,
)
from harness_datasets.tables.stored_cells import StoredCells

NAN = np.nan


@pytest.mark.parametrize(
    ("text", "point", "comma"),
    [
        ("1.5", 1.5, None),
        ("-3e1", -30.0, -30.0),
        ("+.5", 0.5, None),
        ("7", 7.0, 7.0),
        ("1,5", None, 1.5),
        ("-0,25", None, -0.25),
        ("1,234", 1234.0, 1.234),
        ("1,234,567.8", 1234567.8, None),
        ("1.234.567,8", None, 1234567.8),
        ("1_000", None, None),
        ("nan", None, None),
        ("0x10", None, None),
        ("1.2.3", None, None),
        ("12 kg", None, None),
        ("\u0661", 1.0, 1.0),
    ],
)
def test_numbers(text: str, point: float | None, comma: float | None) -> None:
    assert read_number(text, ".") == point and read_number(text, ",") == comma


def test_a_column_of_numbers_with_some_that_say_nothing() -> None:
    found = read_numbers(["1", "?", "NA", "", "2.5", "inf", "n.k."], (".", ","), ("n.k.",))
    assert found is not None and not found.odd and found.decimal == "."
    np.testing.assert_array_equal(found.values, [1, NAN, NAN, NAN, 2.5, NAN, NAN])


def test_the_decimal_sign_is_that_of_most_cells() -> None:
    found = read_numbers(["1,5", "2,25", "3", "1,125"], (".", ","), ())
    assert found is not None and found.decimal == ","
    assert found.values.tolist() == [1.5, 2.25, 3.0, 1.125]
    point = read_numbers(["1,200", "3,400.5"], (".", ","), ())
    assert point is not None and point.values.tolist() == [1200.0, 3400.5]
    semicolons = read_numbers(["1,200", "3,400"], (",", "."), ())
    assert semicolons is not None and semicolons.values.tolist() == [1.2, 3.4]


def test_a_few_odd_words_do_not_make_a_column_one_of_words() -> None:
    found = read_numbers([*map(str, range(19)), "about 5"], (".",), ())
    assert found is not None and found.odd == {"about 5": 1} and np.isnan(found.values[-1])
    assert read_numbers([*map(str, range(4)), "about 5"], (".",), ()) is None
    assert read_numbers(["1", "a", "b"], (".",), (), sure=True) is not None
    assert read_numbers(["", "?"], (".",), ()) is None


def test_yes_and_no() -> None:
    np.testing.assert_array_equal(read_flags(["True", "false", "", "True"], ()), [1, 0, NAN, 1])
    np.testing.assert_array_equal(read_flags(["y", "n", "?"], ("?",)), [1, 0, NAN])
    assert read_flags(["yes", "perhaps"], ()) is None and read_flags(["yes", "true"], ()) is None


@pytest.mark.parametrize(
    ("cells", "days"),
    [
        (["2024-01-31", "2024-02-01"], 1.0),
        (["2024-01-31T12:00", "2024-02-01T00:00"], 0.5),
        (["2024-01-31 12:00:00", "", "2024-02-01 00:00:00"], 0.5),
        (["2024-01-31T00:00:00+01:00", "2024-01-31T00:00:00Z"], 1 / 24),
        (["31.01.2024", "01.02.2024"], 1.0),
        (["1/31/2024", "2/1/2024"], 1.0),
        (["31/01/2024 10:00", "01/02/2024 10:00"], 1.0),
        (["31 Jan 2024", "1 Feb 2024"], 1.0),
        (["31-Jan-24", "01-Feb-24"], 1.0),
        (["January 31, 2024", "February 1, 2024"], 1.0),
    ],
)
def test_dates(cells: list[str], days: float) -> None:
    found = read_dates(cells, ())
    assert found is not None and not found.other
    known = found.values[~np.isnan(found.values)]
    assert (known[-1] - known[0]) / 86_400 == pytest.approx(days)
    assert int(np.isnan(found.values).sum()) == cells.count("")


def test_dates_that_can_be_read_in_two_ways_say_so() -> None:
    found = read_dates(["03/04/2024", "05/06/2024"], ())
    assert found is not None and (found.words, found.other) == ("%m/%d/%Y", "%d/%m/%Y")
    other = read_dates(["03/04/2024", "05/06/2024"], (), "%d/%m/%Y")
    assert other is not None and other.values[0] == found.values[0] + 30 * 86_400


def test_numbers_are_dates_where_that_is_sure() -> None:
    assert read_dates(["20240131", "20240201"], ()) is None
    for cells in (
        ["20240131", "20240201"],
        ["1706659200", "1706745600"],
        ["1706659200000", "1706745600000"],
    ):
        found = read_dates(cells, (), sure=True)
        assert found is not None and found.values[1] - found.values[0] == 86_400
    assert read_dates(["red", "green"], (), sure=True) is None
    assert read_dates(["20241331", "20240201"], (), sure=True) is None


@pytest.mark.parametrize(
    ("odd", "written"),
    [(("0000-00-00", "2022-02-30"), "%Y-%m-%d"), (("31.02.2024", "00.00.0000"), "%d.%m.%Y")],
)
def test_a_few_cells_that_are_no_dates_are_missing(odd: tuple[str, ...], written: str) -> None:
    """The whole column was taken for names of the rows, and left out."""
    days = [(datetime(2024, 1, 1) + timedelta(n)).strftime(written) for n in range(40)]
    found = read_dates([odd[0], *days, odd[1]], ())
    assert found is not None and found.odd == odd and not found.other
    assert np.isnan(found.values).tolist() == [True, *[False] * 40, True]
    assert (np.diff(found.values[1:-1]) == 86_400).all()
    assert read_dates([odd[0], *days[:8], odd[1]], ()) is None  # two of ten are more than a few


def test_what_only_looks_like_dates_is_none() -> None:
    assert read_dates(["2024-01-31", "soon"], ()) is None
    assert read_dates(["1-2-3", "4-5-6"], ()) is None


def test_a_number_that_says_missing_does_so_however_it_is_written() -> None:
    cells = ["-999.0", "-9.99e2", "-999", "-99", "x", "-999.0"]
    assert spellings(["-999", "x"], cells, "auto") == ("-999", "x", "-999.0", "-9.99e2")
    assert spellings(["-1000"], ["-1,000", "-1,0"], "auto") == ("-1000", "-1,000")
    assert spellings(["-1"], ["-1,000", "-1,0"], ",") == ("-1", "-1,000", "-1,0")
    assert spellings(["-999"], ["-999,0", "-999,00"], "auto") == ("-999", "-999,0", "-999,00")
    assert spellings(["x"], cells, "auto") == ("x",)


@pytest.mark.parametrize("odd", ["-nan", "+nan"])
def test_a_signed_nan_is_a_word_in_tables_of_any_size(odd):
    cells = ["1.5", *["2"] * 19, odd]
    stored = StoredCells(pyarrow.chunked_array([cells], pyarrow.string()))
    for one in (cells, stored):
        found = read_numbers(one, (".",), ())
        assert found is not None and found.odd == {odd: 1}
