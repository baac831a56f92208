"""A first line that is a row."""

import pytest

from harness_datasets.tables.header import looks_like_row

ROWS = [["0.5", "2", "red"], ["0.25", "1", "red"], ["-1.5", "7", "blue"]]


@pytest.mark.parametrize(
    ("header", "rows"),
    [
        (["1.25", "3", "red"], ROWS),
        (["0,1257", "0,5"], [["0,5", "0,25"], ["1,5", "2,5"]]),
        (["red", "yes"], [["red", "no"], ["blue", "yes"]]),
    ],
)
def test_rows(header: list[str], rows: list[list[str]]) -> None:
    assert looks_like_row(header, rows)


@pytest.mark.parametrize(
    ("header", "rows"),
    [
        (["a", "b", "red"], ROWS),
        (["1.25", "3", "colour"], ROWS),
        (["1", "2", "3"], [["5", "7", "1"]] * 3),
        (["1990", "1995", "2000"], [["5", "7", "1"]] * 3),
        (["a", "b"], [["1", "2"], ["a", "b"], ["3", "4"]]),
        (["", "1.5"], [["0", "2"], ["1", "3"]]),
        (["1.5", "red"], [["1.5", "red"]]),
    ],
)
def test_names(header: list[str], rows: list[list[str]]) -> None:
    assert not looks_like_row(header, rows)
