"""What a column is taken for, and why."""

from pathlib import Path
from typing import Any

import pytest

from harness.api import DataError
from harness_datasets.tables.columns import Taken, looks_like_identifier, take_columns
from harness_datasets.tables.options import TableOptions
from harness_datasets.tables.raw import RawTable

N = 40


def take(cells: list[Any], name: str = "x", unnamed: bool = False, **options: Any) -> Taken:
    texts = [str(cell) for cell in cells]
    table = RawTable(
        Path("t.csv"),
        (name, "y"),
        (texts, texts),
        range(2, 2 + len(texts)),
        unnamed=frozenset({name} if unnamed else ()),
    )
    (column,) = take_columns(table, TableOptions(path="t.csv", **options), ["y"])
    return column


def kind(cells: list[Any], name: str = "x", **options: Any) -> str:
    return take(cells, name, **options).kind


def test_numbers_words_flags_dates() -> None:
    assert kind([n * 0.5 for n in range(N)]) == "number"
    assert kind([n % 3 for n in range(N)]) == "number"
    assert kind(["yes", "no"] * 20) == "flag"
    assert kind(["red", "green"] * 20) == "category"
    assert kind([f"w{n // 2}" for n in range(N)]) == "category"
    assert kind([f"2024-01-{n % 28 + 1:02d}" for n in range(N)]) == "date"


def test_whole_numbers_that_are_dates_say_so() -> None:
    days = [20240100 + n % 28 + 1 for n in range(N)]
    assert take(days).kind == "number" and take(days).instead == "dates=x"
    assert take([20240100 + n for n in range(N)]).instead == ""
    assert take([5 * n for n in range(N)]).instead == ""


@pytest.mark.parametrize("start", [0, 1])
def test_an_index_is_left_out_and_can_be_kept(start: int) -> None:
    column = take(list(range(start, N + start)))
    assert column.kind == "left out" and column.why.startswith(
        f"an index: {start}, {start + 1} ..."
    )
    assert column.instead == "keep=x" and column.noted
    assert kind(list(range(start, N + start)), keep="x") == "number"
    assert kind(list(range(2, N + 2))) == "number"
    assert kind([1, 0, *range(2, N)]) == "number"
    assert take([start]).why == f"always {start}"


def test_codes_with_zeros_before_them_are_said_to_be_taken_for_numbers() -> None:
    found = take([f"{n * 37 % 100000:05d}" for n in range(60)], name="zip")
    assert found.kind == "number" and found.noted and found.instead == "categories=zip"
    assert found.why.endswith(", zeros before them, as codes have: 00000")
    assert not take([f"{n / 7:.2f}" for n in range(60)]).noted  # 0.14


@pytest.mark.parametrize("different", [20, 200])  # a category, and words that differ in each row
def test_a_column_that_writes_decimals_in_two_ways_says_so(different: int) -> None:
    cells = [f"{n},5" if n % 3 else f"{n}.25" for n in range(different)] * (200 // different)
    assert "'1,5', and some a point, such as '0.25'; write all alike" in take(cells).why


def test_what_has_no_name_is_left_out() -> None:
    assert "no name" in take([n * n for n in range(N)], unnamed=True).why
    assert "no name" in take(["a", "b"] * 20, unnamed=True).why


def test_identifiers_are_left_out() -> None:
    scattered = [(n * 7919) % 10_007 for n in range(N)]
    assert kind(scattered) == "number"
    assert "identifier" in take(scattered, "customer_id").why
    assert kind([n % 20 for n in range(N)], "customer_id") == "number"
    column = take([f"Braund, Mr. {n}" for n in range(N)], "Name")
    assert column.kind == "left out" and "names the rows: 40 different words in 40" in column.why
    assert column.instead == "categories=Name"
    assert kind([f"Braund, Mr. {n}" for n in range(N)], categories="x") == "category"


@pytest.mark.parametrize(
    "name", ["id", "ID", "user_id", "PassengerId", "row", "index", "Order No", "uuid"]
)
def test_names_of_identifiers(name: str) -> None:
    assert looks_like_identifier(name)


@pytest.mark.parametrize(
    "name", ["x", "humid", "width", "acid", "grid", "period", "piano", "monkey"]
)
def test_names_of_others(name: str) -> None:
    assert not looks_like_identifier(name)


def test_free_text_is_left_out() -> None:
    column = take([f"this is comment number {n}" for n in range(N)])
    assert column.kind == "left out"
    assert column.why == "free text: 40 different words in 40 rows (100%), 5 words a cell"


def test_constant_and_empty_columns_are_left_out() -> None:
    assert take(["5"] * N).why == "always 5" and take(["a"] * N).why == "always 'a'"
    assert take([""] * N).why == "empty" and take(["n.k."] * N, na="n.k.").why == "empty"


def test_what_is_missing_is_said() -> None:
    column = take(["?", "", *range(5, N)])
    assert column.kind == "number" and column.missing == 2 and column.noted
    assert column.why == "35 different values, 5 to 39; 2 of 37 missing ('?')"
    odd = take(["about 5", *range(5, N)])
    assert odd.odd == ("about 5",) and "1 of 36 missing ('about 5')" in odd.why
    assert take(["", "a", "b"] * 5).missing == 5
    assert take(["None", "NA", "a"] * 5).missing == 0


def test_decimal_commas_are_numbers() -> None:
    column = take([f"{n},5" for n in range(N)])
    assert column.kind == "number" and "decimal comma" in column.why
    assert column.values is not None and column.values[1] == 1.5
    assert kind([f"{n},5" for n in range(N)], decimal=".") == "left out"


def test_options_decide() -> None:
    assert take([1, 2] * 20, drop="x").why == "drop names it"
    assert take([1, 2] * 20, categories=["x"]).words[:2] == ("1", "2")
    assert kind([20240100 + n for n in range(1, 31)], dates="x") == "date"
    assert "not all cells are dates" in take(["a", "b"] * 20, dates="x").why
    with pytest.raises(DataError, match="no column 'z', which keep names; it has x, y"):
        take([1, 2], keep="z")


def test_names_are_quoted_where_the_command_line_needs_it() -> None:
    assert take(list(range(N)), "row number, old").instead == 'keep="row number, old"'
