"""Features: what is learnt comes from training rows alone."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.api import DataError
from harness_datasets.tables.columns import take_columns
from harness_datasets.tables.encoding import Features, encode_column
from harness_datasets.tables.options import TableOptions
from harness_datasets.tables.raw import RawTable


def encode(cells: list[Any], train: list[bool], **options: Any) -> Features:
    texts = [str(cell) for cell in cells]
    table = RawTable(Path("t.csv"), ("x",), (texts,), range(2, 2 + len(texts)))
    given = TableOptions(path="t.csv", **options)
    (column,) = take_columns(table, given, ())
    return encode_column(table, column, np.array(train), given)


HALF = [True] * 10 + [False] * 10


def test_missing_numbers_become_the_median_of_training_rows() -> None:
    cells = ["", 1, 2, 3, 4, 5, 6, 7, 8, 100, "?", *range(1000, 1009)]
    features = encode(cells, HALF)
    assert features.values[0, 0] == features.values[10, 0] == 5.0  # of 1 to 8 and 100
    assert features.names == ("x", "x is missing")
    assert features.values[:, 1].tolist() == [1] + [0] * 9 + [1] + [0] * 9
    assert "missing ones become the median 5" in features.learnt
    mean = encode(cells, HALF, missing="mean")
    assert mean.values[0, 0] == pytest.approx(136 / 9)


def test_where_few_are_missing_no_column_says_so_unless_asked() -> None:
    cells = ["", *range(99), "", *range(99)]
    train = [True] * 100 + [False] * 100
    assert encode(cells, train).names == ("x",)
    assert encode(cells, train, missing="category").names == ("x", "x is missing")
    assert encode([*range(100, 200), "", *range(99)], train, missing="category").names == ("x",)


def test_missing_can_be_refused() -> None:
    words = "t.csv, line 4, column 'x' is missing, and so is 1 more of its cells; missing = median, mean or category fills them"
    with pytest.raises(DataError, match=words):
        encode([1, 2, "", "NA", *range(10, 26)], HALF, missing="refuse")
    with pytest.raises(DataError, match="line 3, column 'x' is missing"):
        encode(["a", "", "b", "a", "b"] * 4, HALF, missing="refuse")


def test_values_far_outside_training_are_clipped() -> None:
    cells = [*np.linspace(-1, 1, 10), 1e9, -1e9, *np.linspace(-1, 1, 8)]
    features = encode(cells, HALF)
    deviation = float(np.linspace(-1, 1, 10).std())
    assert features.clipped == (10, 11)
    assert features.values[10, 0] == pytest.approx(20 * deviation)
    heavy = [*[0.0] * 999, 1e6, 1e6, *[1.0] * 9]  # training itself has it
    train = [True] * 1000 + [False] * 10
    assert encode(heavy, train).clipped == ()


def test_words_have_a_column_each_and_unseen_ones_none() -> None:
    features = encode(["b", "a"] * 5 + ["a", "c"] * 5, HALF)
    assert features.names == ("x = a", "x = b") and not features.joined
    assert features.values[:2].tolist() == [[0, 1], [1, 0]]
    assert features.values[11].tolist() == [0, 0]
    assert "5 rows have a word that training has not" in features.learnt


def test_rare_and_unseen_words_share_a_column_that_was_trained() -> None:
    features = encode(["a"] * 4 + ["b"] * 4 + ["c", "d"] + ["e", "a"] * 5, HALF)
    assert features.names == ("x = a", "x = b", "x = (other)") and features.joined
    assert features.values[8:12].tolist() == [[0, 0, 1], [0, 0, 1], [0, 0, 1], [1, 0, 0]]
    assert "one for 2 rarer ones (20% of training)" in features.learnt


def test_the_most_frequent_words_are_kept() -> None:
    cells = ["a"] * 2 + ["b"] * 3 + ["c"] * 5 + ["a"] * 10
    assert encode(cells, HALF, max_categories=2).names == ("x = b", "x = c", "x = (other)")


def test_missing_words_are_a_category() -> None:
    features = encode(["a", "", "b", "", "a"] * 4, HALF)
    assert features.names == ("x = (missing)", "x = a", "x = b")


def test_dates_become_parts_that_vary_and_days_since_the_first_of_training() -> None:
    cells = [f"2024-0{n % 3 + 1}-10" for n in range(10)] + ["2023-12-31"] * 10
    features = encode(cells, HALF)
    assert features.names == ("x: month", "x: day of the week", "x: days since the first")
    assert features.values[:3].tolist() == [[1, 2, 0], [2, 5, 31], [3, 6, 60]]
    assert features.values[10, 2] == -10.0
    hours = [f"2024-01-10 {n:02d}:30" for n in range(20)]
    assert encode(hours, HALF).names == ("x: hour", "x: days since the first")


def test_missing_dates_are_filled_as_numbers_are() -> None:
    cells = ["", *[f"2024-01-{n:02d}" for n in range(1, 10)]] + ["2024-01-05"] * 10
    features = encode(cells, HALF)
    assert features.names[-1] == "x: days since the first is missing"
    assert features.values[0, -2] == 4.0


def test_numbers_of_training_beyond_float32_are_refused_by_name() -> None:
    words = "t.csv, line 3: 'x' is -1e\\+300, beyond the range of float32 .*drop=x"
    with pytest.raises(DataError, match=words):
        encode([1.5, -1e300, *np.linspace(0, 1, 18)], HALF)
    assert encode([*np.linspace(0, 1, 19), 1e300], HALF).clipped == (19,)
