"""The names of columns, from the beginning of a file, and what is said before a run of those that are not there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from harness.catalogue.host import Host
from harness.errors import ProblemsError, UsageError
from harness.plan.reader import load_suite
from harness_datasets.tables.column_names import read_names
from harness_datasets.tables.files import read_table
from harness_datasets.tables.options import TableOptions

FRAME = pd.DataFrame(
    {
        "größe": np.arange(40.0),
        "size": [f"a, {k}" for k in range(40)],
        "size ": 1,
        "y": ["u", "v"] * 20,
    }
)


def to_text(**changes: Any) -> Callable[[Path], object]:
    return lambda path: FRAME.to_csv(path, **{"index": False, **changes})


@pytest.mark.parametrize(
    ("name", "write", "options"),
    [
        ("a.csv", to_text(), {}),
        ("index.csv", to_text(index=True), {}),
        ("a.tsv", to_text(sep="\t"), {}),
        ("semicolons.csv", to_text(sep=";", encoding="utf-16"), {}),
        ("western.csv", to_text(encoding="cp1252"), {}),
        ("bare.csv", to_text(header=False), {"header": False}),
        ("above.csv", lambda path: path.write_text("sep=;\na;b\n1;2\n3;4\n"), {}),
        ("r.csv", lambda path: path.write_text('"a","y"\n"1",2,3\n"2",3,4\n'), {}),
        ("a.parquet", lambda path: FRAME.to_parquet(path), {}),
        ("index.parquet", lambda path: FRAME.set_index("size").to_parquet(path), {}),
        ("a.jsonl", lambda path: FRAME.to_json(path, orient="records", lines=True), {}),
    ],
)
def test_names_are_those_of_the_whole_table(
    tmp_path: Path, name: str, write: Callable[[Path], object], options: dict[str, Any]
) -> None:
    write(tmp_path / name)
    asked = TableOptions(path=str(tmp_path / name), **options)
    assert read_names(tmp_path / name, asked) == read_table(tmp_path / name, asked).names


def test_of_a_long_file_its_beginning_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness_datasets.tables.column_names._START", 100)
    rows = "".join(f"{k},{k}\n" for k in range(100))
    (tmp_path / "a.csv").write_text(f"a,b\n{rows}1,2,3,4\n")  # the last row is refused, later
    (tmp_path / "quotes.csv").write_text('a,b\n1,"' + 50 * "long\n" + '"\n')
    (tmp_path / "a.jsonl").write_text('{"a": 1}\n' * 100)
    found = {
        path.name: read_names(path, TableOptions(path=str(path))) for path in tmp_path.iterdir()
    }
    assert found == {"a.csv": ("a", "b"), "quotes.csv": None, "a.jsonl": None}


def test_a_column_that_is_not_there_is_told_before_a_run(tmp_path: Path) -> None:
    catalogue = Host().catalogue
    to_text()(tmp_path / "a.csv")

    def told(options: str) -> str:
        suite = {
            "suite": {"name": "x"},
            "matrix": {"architectures": ["mlp"], "datasets": [f"{tmp_path}/a.csv:{options}"]},
            "measure": [{"name": "accuracy"}],
        }
        try:
            load_suite(suite, catalogue)
        except ProblemsError as error:
            assert error.exit_code == 2 and error.problems[0].key == "matrix.datasets"
            return error.problems[0].message.removeprefix(f"{tmp_path}/a.csv has no column ")
        return ""

    assert told("target=yy") == "'yy', which target names; did you mean 'y'?"
    assert told("target=y,drop=[size,seize]") == "'seize', which drop names; did you mean 'size'?"
    assert told("target=y,group=who").startswith("'who', which group names; it has größe, size, ")
    assert told("problem=forecast,time=when").startswith("'when', which time names; it has")
    assert told("problem=sequence_to_sequence,source=en").startswith("'en', which source names")
    assert not told("target=y,order=#,keep=[größe]")
    assert not told('problem=forecast,time="#",drop=[a series]')


def test_a_file_that_is_not_there_is_a_usage_error(tmp_path: Path) -> None:
    from harness_datasets.table import check

    with pytest.raises(UsageError, match=r"none.csv does not exist; a file is needed"):
        check(TableOptions(path=str(tmp_path / "none.csv")))
