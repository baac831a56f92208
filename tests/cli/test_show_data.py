"""`harness show data`: what a data set was taken for, in words and as JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

ROWS = "".join(f"{n},{n * n},{'[bold]x[/bold]' if n % 2 else 'b'},{n % 3}\n" for n in range(60))


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "data.csv"
    path.write_text(",x,word,y\n" + ROWS, encoding="utf-8")
    return path


def test_a_table_in_words(harness, table: Path) -> None:
    done = harness("show", "data", f"{table}:drop=x")
    assert done.returncode == 0, done.stderr
    words = " ".join(done.stdout.split())
    assert "examples 36 train, 12 validation, 12 test" in words
    assert "classes '0', '1', '2'" in words
    assert "Columns of data.csv: 2 of 4 left out or changed" in words
    assert "left out an index: 0, 1 ... 59" in words and 'keep="column 1"' in words
    assert "features word = [bold]x[/bold], word = b" in words


def test_the_same_for_another_program(harness, table: Path) -> None:
    found = json.loads(harness("show", "data", str(table), "--json").stdout)
    assert found["task"]["problem"] == "classification"
    assert [row[1] for row in found["notes"][0]["rows"]] == [
        "left out",
        "number",
        "category",
        "target",
    ]
    assert [one["code"] for one in found["findings"]] == ["index-like"]


def test_of_many_features_some_are_named(harness, tmp_path: Path) -> None:
    path = tmp_path / "wide.csv"
    names = [f"c{n}" for n in range(60)]
    rows = (",".join(str((n * k) % 97 + n / 7) for k in range(1, 61)) for n in range(60))
    path.write_text("\n".join([",".join(names), *rows]))
    last = harness("show", "data", str(path)).stdout.splitlines()[-1]
    assert last.startswith("features     c0, c1,") and last.endswith(", c39 and 19 more")


def test_any_data_set_is_described(harness) -> None:
    text = harness("show", "data", "digits").stdout
    assert "image, 1 x 8 x 8, 0 to 1" in text and "Nothing was found" in text


def test_what_cannot_be_read_is_said(harness, table: Path) -> None:
    table.write_text("a,b\n1,2\n3,4,5\n")
    done = harness("show", "data", str(table))
    assert done.returncode == 1 and "line 3 has 3 cells" in done.stderr
    done = harness("show", "data", "nosuch")
    assert done.returncode == 2 and "nosuch" in done.stderr


def test_signs_that_steer_a_terminal_are_spelled_out(harness, tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    rows = "".join(f"{n * n},{n % 7},{'ab'[n % 2]}\n" for n in range(40))
    path.write_text("x\x1b[31m,z,y\n" + rows, encoding="utf-8")
    said = harness("show", "data", str(path)).stdout
    assert "\x1b" not in said and r"features     x\x1b[31m, z" in said
