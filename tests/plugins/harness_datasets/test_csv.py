"""`csv` on files that the tests write."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.api import DataError
from harness_datasets import csv
from harness_datasets.options import CsvOptions

TABLE = """height, colour, ripe, kind
1.5, red, True, apple
2, green, False, pear
, red, True, apple
-3e1, , False, plum
"""


def load(tmp_path: Path, text: str = TABLE, **options: Any) -> Any:
    path = tmp_path / "data.csv"
    path.write_text(text, encoding="utf-8")
    return csv.load(CsvOptions(path=str(path), **options))


def test_features_and_classes(tmp_path: Path) -> None:
    data = load(tmp_path)
    assert (data.modality, data.problem) == ("table", "classification")
    assert data.class_names == ("apple", "pear", "plum")
    assert data.targets.tolist() == [0, 1, 0, 2] and data.targets.dtype == np.int64
    missing = np.nan  # height, colour green, colour red, ripe
    expected = [[1.5, 0, 1, 1], [2, 1, 0, 0], [missing, 0, 1, 1], [-30, missing, missing, 0]]
    np.testing.assert_array_equal(data.inputs, np.array(expected, dtype=np.float32))
    assert data.inputs.dtype == np.float32


def test_target_column(tmp_path: Path) -> None:
    data = load(tmp_path, target="ripe")
    assert data.class_names == ("False", "True") and data.targets.tolist() == [1, 0, 1, 0]
    assert data.inputs.shape == (4, 1 + 2 + 3)


def test_regression(tmp_path: Path) -> None:
    text = "a;b;y\n1;2;0.5\n3;4;7\n"
    data = load(tmp_path, text, separator=";", problem="regression")
    assert data.targets.tolist() == [0.5, 7.0] and data.class_names == ()
    assert data.inputs.tolist() == [[1, 2], [3, 4]]


def test_numbered_classes_become_consecutive(tmp_path: Path) -> None:
    data = load(tmp_path, "a,y\n1,10\n2,5\n3,10\n4,7.0\n")
    assert data.class_names == ("5", "7", "10") and data.targets.tolist() == [2, 0, 2, 1]


def test_without_a_header(tmp_path: Path) -> None:
    data = load(tmp_path, "1,2,a\n3,4,b\n", header=False)
    assert data.inputs.tolist() == [[1, 2], [3, 4]] and data.class_names == ("a", "b")
    assert load(tmp_path, "1,2\n3,4\n", header=False, target="0").inputs.tolist() == [[2], [4]]


def test_long_separators(tmp_path: Path) -> None:
    data = load(tmp_path, "a  y\n1  x\n2  z\n", separator=r"\s+")
    assert data.inputs.tolist() == [[1], [2]] and data.class_names == ("x", "z")


def test_infinity_and_missing_are_left_for_the_core(tmp_path: Path) -> None:
    data = load(tmp_path, "a,y\ninf,0\n,1\n")
    assert np.isinf(data.inputs[0, 0]) and np.isnan(data.inputs[1, 0])


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        (TABLE, {"target": "weight"}, "no column 'weight'; it has height, colour, ripe, kind"),
        ("a;b\n1;2\n", {}, "one column; is ',' the right separator"),
        ("a,b\n", {}, "no rows"),
        ("", {}, "cannot be read as a table"),
        ("a,b\n1,2\n3,4,5,6\n", {}, "cannot be read as a table"),
        ("a,y\n1,x\n2,\n", {}, "row 2 has no value in the target column 'y'"),
        ("a,y\n1,0.5\n2,1\n", {}, "real numbers; for these say problem=regression"),
        ("a,y\n1,x\n2,z\n", {"problem": "regression"}, "'y' holds text"),
    ],
)
def test_bad_files(tmp_path: Path, text: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        load(tmp_path, text, **options)


def test_text_that_is_no_category(tmp_path: Path) -> None:
    rows = "".join(f"name {n},{n % 2}\n" for n in range(30))
    message = "column 'who' is neither numbers nor categories: it has 30 different words in 30 rows"
    with pytest.raises(DataError, match=message):
        load(tmp_path, "who,y\n" + rows)
    many = "".join(f"w{n % 5},{n % 2}\n" for n in range(30))
    assert load(tmp_path, "who,y\n" + many).inputs.shape == (30, 5)
    with pytest.raises(DataError, match="5 different words"):
        load(tmp_path, "who,y\n" + many, max_categories=4)


def test_not_text_at_all(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_bytes(bytes(range(128, 256)))
    with pytest.raises(DataError, match="cannot be read as a table"):
        csv.load(CsvOptions(path=str(path)))
