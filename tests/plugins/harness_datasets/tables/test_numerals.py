"""How a column writes its numbers: thousands, units, and digits beyond float64."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from harness_datasets.tables.cells import Numbers
from harness_datasets.tables.numerals import (
    find_decimal_signs,
    find_number_in_words,
    read_numerals,
)
from harness_datasets.tables.options import TableOptions
from harness_datasets.tables.raw import RawTable


def read(
    cells: list[str], *others: list[str], separator: str = ";", **options: Any
) -> Numbers | None:
    columns = (cells, *others)
    names = tuple(f"c{place}" for place in range(len(columns)))
    signs = find_decimal_signs(columns)
    table = RawTable(
        Path("t.csv"), names, columns, range(len(cells)), separator=separator, signs=signs
    )
    return read_numerals(table, cells, TableOptions(path="t.csv", **options))


def values(cells: list[str], *others: list[str], **options: Any) -> list[float]:
    found = read(cells, *others, **options)
    assert found is not None and not found.odd
    return list(found.values.tolist())


POINTS, COMMAS = ["950", "12.345"], ["950", "12,345"]


@pytest.mark.parametrize("separator", [";", ",", "\t", "|"])
def test_the_mark_that_other_columns_have_for_decimals_is_none_of_thousands(separator: str) -> None:
    point, comma = ["0.5", "1.25"], ["0,5", "-1,519"]
    assert values(POINTS, comma, separator=separator) == [950, 12345]
    assert values(COMMAS, point, separator=separator) == [950, 12345]
    assert values(POINTS, point, separator=separator) == [950, 12.345]
    assert values(COMMAS, comma, separator=separator) == [950, 12.345]
    found = read(POINTS, comma, separator=separator)
    assert found is not None and not found.doubtful
    assert (list(found.said), found.instead) == (["12.345 read as 12345"], "decimal=.")


def test_the_option_decides_about_thousands() -> None:
    assert values(POINTS, ["0,5", "1,5"], decimal=".") == [950, 12.345]
    assert values(POINTS, decimal=",") == values(COMMAS, decimal=".") == [950, 12345]


def test_without_other_columns_it_is_said_how_they_were_read() -> None:
    """Decimals that drop zeros at the end would have shown 12.5 among as many as 20."""
    for few, separator, option in ((COMMAS, ";", "decimal=."), (POINTS, ",", "decimal=,")):
        found = read(few, separator=separator)
        assert found is not None and found.doubtful and found.instead == option
        assert found.values.tolist() == [950, 12.345]
        many = read(few * 20, separator=separator)
        assert many is not None and many.doubtful and many.values[:2].tolist() == [950, 12345]
    semicolons = read(POINTS)  # with which decimals have commas
    assert semicolons is not None and semicolons.values.tolist() == [950, 12345]
    assert not semicolons.doubtful and semicolons.said
    assert values(["1.234.567", "12"], separator=",") == [1234567, 12]
    assert values(POINTS, separator="") == [950, 12.345]  # a typed file: one number, written so


@pytest.mark.parametrize("cells", [["0.125", "12.345"], ["12.5", "12.345"], ["1234", "12.345"]])
def test_decimals_that_cannot_be_thousands(cells: list[str]) -> None:
    assert values(cells, ["0,5", "1,5"]) == [float(text) for text in cells]


def test_three_decimals_in_a_file_with_commas_raise_no_doubt() -> None:
    found = read(["5.123", "6.234"], separator=",")
    assert found is not None and not found.said and found.values.tolist() == [5.123, 6.234]


@pytest.mark.parametrize(
    ("cells", "wanted", "said"),
    [
        (["50.1%", "7 %"], [50.1, 7], "'%' removed"),
        (["$5,000", "-$12", "$-1.5"], [5000, -12, -1.5], "'$' removed"),
        (["5,5 €", "-3 €"], [5.5, -3], "'€' removed"),
        (["\u22121.5", "2"], [-1.5, 2], "minus signs of Unicode"),
    ],
)
def test_signs_around_numbers_are_removed_and_that_is_said(
    cells: list[str], wanted: list[float], said: str
) -> None:
    found = read(cells, separator=",")
    assert found is not None and found.values.tolist() == wanted and said in found.said


def test_numbers_of_different_units_are_none() -> None:
    assert read(["5%", "0.5"] * 5) is None and read(["$5", "5 €"] * 5) is None
    assert values(["\u22121", *map(str, range(19))])[0] == -1  # and no missing cell


@pytest.mark.parametrize(
    ("cells", "example"),
    [
        (["10.5 cm", "3 cm"], "10.5 cm"),
        (["(1.23)", "0.5", "7.1"], "(1.23)"),
        (["12 345", "1 000"], "12 345"),
        (["$5", "5 €"], "5 €"),
        (["A123", "A124"], ""),
        (["12:30", "14:10"], ""),
        ([f"{n} {letter}lm Street" for n, letter in enumerate("ABCDEFGH")], ""),
        (["red", "10 cm", "green"], ""),
    ],
)
def test_words_that_hold_a_number(cells: list[str], example: str) -> None:
    assert find_number_in_words(Counter(cells)) == example


def test_long_whole_numbers_keep_their_digits() -> None:
    found = read([str(2**60 + n) for n in (0, 5, 1)] + [""])
    assert found is not None and found.less == 2**60 and not found.lost
    assert found.values[:3].tolist() == [0, 5, 1] and f"less {2**60}" in found.said
    far = read([str(2**60 + n) for n in (0, 1, 2**58, 2**58 + 1)])
    assert far is not None and far.lost == 1
    plain = read([str(2**60), str(2**61)])
    assert plain is not None and not plain.less and plain.values.tolist() == [2**60, 2**61]


def test_numbers_beyond_float64_are_no_missing_cells() -> None:
    found = read(["1e400", "inf", *map(str, range(19))])
    assert found is not None and found.odd == {"1e400": 1}
