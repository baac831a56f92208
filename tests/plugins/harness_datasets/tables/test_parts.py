"""Rows that are trained and tested on by a column, and the columns by which figures may be told apart."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError
from table_cases import prepare_table, taken, write

from harness.errors import DataError, NotApplicable
from harness_datasets.tables.options import TableOptions

ROWS = [(k / 7, "abcd"[k % 4], "" if k % 5 == 0 else "x", k % 3) for k in range(120)]
PART = {"part": "ward", "test_parts": ("c", "d")}


@pytest.fixture
def path(tmp_path):
    return write(tmp_path, "size,ward,note,sick", ROWS)


def test_parts_are_tested_on_and_all_others_trained_on(tmp_path, path):
    data = prepare_table(tmp_path / "d", path, **PART)
    assert data.task.counts["test"] == 60 and data.task.counts["train"] == 48
    assert set(data.column("ward", "test")) == {"c", "d"}
    assert set(data.column("ward", "train")) == {"a", "b"}
    assert data.task.feature_names[0] == "size" and not any(
        "ward" in n for n in data.task.feature_names
    )
    assert taken(data)["ward"][:2] == ("part", "part names it; no feature")


def test_some_are_trained_on_and_the_rest_is_left(tmp_path, path):
    data = prepare_table(tmp_path / "d", path, **PART, train_parts=("a",), keep=("ward",))
    assert sum(data.task.counts.values()) == 90
    assert set(data.column("ward", "validation")) == {"a"}
    assert any("ward" in name for name in data.task.feature_names)


def test_labels_are_in_the_order_of_the_ids_and_the_missing_ones_have_a_word(tmp_path, path):
    data = prepare_table(tmp_path / "d", path)
    assert set(data.column("note", "test")) == {"x", "(missing)"}
    with pytest.raises(NotApplicable, match="no column is named 'size'"):  # 120 values
        data.column("size", "test")
    with pytest.raises(NotApplicable, match="no column is named 'sick'"):
        data.column("sick", "test")
    rows = np.flatnonzero(data.array("split") == 2)
    rows = rows[np.argsort(data.array("ids")[rows])]
    assert data.column("ward", "test").tolist() == [ROWS[row][1] for row in rows]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({**PART, "test_parts": ("e",)}, "no row has 'e' in 'ward', which test_parts names; there are 'a', 'b', 'c', 'd'"),
        ({**PART, "train_parts": ("z",)}, "no row has 'z' in 'ward', which train_parts names"),
        ({**PART, "test_parts": ("a", "b", "c", "d")}, "test_parts takes all 120 rows, and none is left to train on"),
        ({**PART, "part": "warder"}, "has no column 'warder', which part names; did you mean 'ward'?"),
        ({**PART, "part": "sick", "test_parts": ("1",)}, "part names 'sick', which is to be predicted"),
    ],
)  # fmt: skip
def test_what_is_not_there_is_refused(tmp_path, path, options, words):
    with pytest.raises(DataError, match=words):
        prepare_table(tmp_path / "d", path, **options)


def test_half_of_the_options_and_a_part_of_both_are_refused():
    for options, words in (
        ({"part": "a"}, "give both"),
        ({"train_parts": "b"}, "give both"),
        ({"part": "a", "test_parts": "b", "train_parts": "b"}, "'b' is in train_parts and in test_parts"),
    ):  # fmt: skip
        with pytest.raises(ValidationError, match=words):
            TableOptions(path="x", **options)
