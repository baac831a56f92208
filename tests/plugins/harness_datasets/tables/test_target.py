"""The column to predict: classes or numbers, guessed in the open."""

from pathlib import Path
from typing import Any

import pytest

from harness.api import DataError
from harness_datasets.tables.options import TableOptions
from harness_datasets.tables.raw import RawTable
from harness_datasets.tables.target import Target, read_target


def read(cells: list[Any], **options: Any) -> Target:
    texts = [str(cell) for cell in cells]
    table = RawTable(Path("t.csv"), ("x", "y"), (texts, texts), range(2, 2 + len(texts)))
    return read_target(table, TableOptions(path="t.csv", **options))


def test_words_are_classes_in_alphabetical_order() -> None:
    found = read(["pear", "apple", "pear"])
    assert found.class_names == ("apple", "pear") and found.values.tolist() == [1, 0, 1]
    assert (found.problem, found.guessed) == ("classification", False)


def test_none_and_na_are_classes_where_others_are_words() -> None:
    assert read(["None", "NA", "yes", "nan"] * 3).class_names == ("NA", "None", "nan", "yes")


def test_few_whole_numbers_are_classes() -> None:
    found = read([10, 5, 10, "7.0"])
    assert found.class_names == ("5", "7", "10") and found.values.tolist() == [2, 0, 2, 1]
    assert read(list(range(20))).problem == "classification"


def test_many_whole_numbers_are_a_number_to_predict_and_that_is_said() -> None:
    found = read([1000 + 3 * n for n in range(371)])
    assert (found.problem, found.guessed) == ("regression", True)
    assert found.why == "a number to predict: 371 different whole numbers, 1000 to 2110"
    assert (
        read([1000 + n for n in range(371)], problem="classification").problem == "classification"
    )
    assert not read([1000 + n for n in range(371)], problem="regression").guessed


def test_fractions_are_a_number_to_predict() -> None:
    found = read([0.5, 1, 2, 2])
    assert (found.problem, found.guessed) == ("regression", False)
    classes = read([0.5, 1, 2, 2], problem="classification")
    assert classes.class_names == ("0.5", "1", "2") and classes.values.tolist() == [0, 1, 2, 2]


def test_rows_without_a_target_are_left_out() -> None:
    found = read([1, "", 2, "NA", 1])
    assert found.rows.tolist() == [True, False, True, False, True]
    assert found.values.tolist() == [0, 1, 0]
    assert read(["a", "", "b", "?"], na="?").values.tolist() == [0, 1]


def test_commas_at_the_ends_of_lines_make_no_target() -> None:
    def take(last: list[str], unnamed: str) -> str:
        columns = (["1", "2"], ["a", "b"], last)
        names = ("x", "y", "column 3")
        table = RawTable(
            Path("t.csv"), names, columns, range(2, 4), unnamed=frozenset({unnamed} - {""})
        )
        return read_target(table, TableOptions(path="t.csv")).name

    assert take(["", ""], "column 3") == "y"
    assert take(["", "u"], "column 3") == "column 3"
    with pytest.raises(DataError, match="the target column 'column 3' is empty"):
        take(["", ""], "")


@pytest.mark.parametrize(
    ("cells", "options", "words"),
    [
        (["1", "2"], {"target": "z"}, "no column 'z', which target names; it has x, y"),
        (["", ""], {}, "the target column 'y' is empty"),
        (["", "a", "b"], {"problem": "regression"}, "line 3: .* holds text, 'a'; regression needs"),
        (
            [*range(30), "n.k."],
            {},
            "line 32: .* holds 'n.k.', where most cells are numbers; na=n.k.",
        ),
        ([*range(19), "x"], {"problem": "regression"}, "line 21: .* holds 'x', where most"),
        ([f"name {n}" for n in range(50)], {}, "holds 50 different words in 50 rows"),
        (
            [f"{n},5" if n % 3 else f"{n}.25" for n in range(60)],
            {},
            "some numbers have a decimal comma, such as '1,5', and some a point, such as '0.25'; write all alike",
        ),
        (
            [f"{n},5" for n in range(60)],
            {"decimal": ".", "problem": "regression"},
            "line 2: .* holds text, '0,5'; they are numbers with decimal=,",
        ),
    ],
)
def test_bad_targets(cells: list[Any], options: dict[str, Any], words: str) -> None:
    with pytest.raises(DataError, match=words):
        read(cells, **options)


def test_who_insists_gets_classes() -> None:
    found = read([f"name {n}" for n in range(50)], problem="classification")
    assert len(found.class_names) == 50
    assert read([1, 2, 1, 2, 1, 2, 1, 2, 1, 2, "x"]).class_names == ("1", "2", "x")


def test_long_whole_numbers_are_other_classes_and_no_number_to_predict() -> None:
    names = [str(2**60 + n) for n in range(3)]
    assert read(names * 2).class_names == tuple(names)
    with pytest.raises(DataError, match=f"beyond 2.53 .*; take {2**60} off each"):
        read([2**60 + n for n in range(30)])
