"""Files of tables: the same cells, whatever they are written in, and the line that an editor shows."""

from pathlib import Path
from typing import Any

import pandas
import pyarrow
import pyarrow.parquet
import pytest
from pydantic import ValidationError

from harness.api import DataError
from harness_datasets.tables.files import find_separator, read_table
from harness_datasets.tables.options import TableOptions
from harness_datasets.tables.raw import RawTable

TEXT = "height, colour,ripe\n1.5, red ,true\n2,,false\n"


def read(
    tmp_path: Path, text: str | bytes = TEXT, name: str = "data.csv", **options: Any
) -> RawTable:
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8"))
    return read_table(path, TableOptions(path=str(path), **options))


def cells(table: RawTable) -> dict[str, list[str]]:
    return dict(zip(table.names, table.columns, strict=True))


WANTED = {"height": ["1.5", "2"], "colour": ["red", ""], "ripe": ["true", "false"]}


def test_every_form_gives_the_same_cells(tmp_path: Path) -> None:
    assert cells(read(tmp_path)) == WANTED
    assert cells(read(tmp_path, TEXT.replace(",", "\t"), "data.tsv")) == WANTED
    assert cells(read(tmp_path, TEXT.replace(",", ";"), "data.csv")) == WANTED
    assert cells(read(tmp_path, TEXT.replace(",", "|"), "data.txt")) == WANTED
    lines = '{"height": 1.5, "colour": "red ", "ripe": "true"}\n\n{"height": 2, "ripe": "false"}\n'
    found = read(tmp_path, lines, "data.jsonl")
    assert cells(found) == WANTED and list(found.lines) == [1, 3]
    path = tmp_path / "data.parquet"
    columns = {"height": [1.5, 2.0], "colour": ["red", None], "ripe": ["true", "false"]}
    pyarrow.parquet.write_table(pyarrow.table(columns), path)
    found = read_table(path, TableOptions(path=str(path)))
    assert cells(found) == WANTED and found.place(1) == "data.parquet, row 2"


def test_lines_are_those_of_an_editor(tmp_path: Path) -> None:
    text = 'a,b\n\n1,"two\nlines"\n\n3,"x ""y"" z"\n,\n4,5\n'
    found = read(tmp_path, text)
    assert list(found.lines) == [3, 6, 8] and found.column("b")[:2] == ["two\nlines", 'x "y" z']
    assert found.place(1) == "data.csv, line 6"


@pytest.mark.parametrize(
    ("raw", "encoding"),
    [
        ("größe,y\n1,ä\n".encode(), "utf-8"),
        ("größe,y\n1,ä\n".encode("utf-8-sig"), "utf-8"),
        ("größe,y\n1,ä\n".encode("utf-16"), "utf-16"),
        ("größe,y\n1,ä\n".encode("cp1252"), "cp1252"),
    ],
)
def test_encodings(tmp_path: Path, raw: bytes, encoding: str) -> None:
    found = read(tmp_path, raw)
    assert cells(found) == {"größe": ["1"], "y": ["ä"]} and found.encoding == encoding


def test_an_encoding_by_name(tmp_path: Path) -> None:
    found = read(tmp_path, "a,y\n1,ж\n".encode("koi8-r"), encoding="koi8-r")
    assert found.column("y") == ["ж"]


def test_names(tmp_path: Path) -> None:
    found = read(tmp_path, ",a,a,Unnamed: 0,y\n0,1,2,3,4\n")
    assert found.names == ("column 1", "a", "a.1", "column 4", "y")
    assert found.unnamed == {"column 1", "column 4"}
    assert read(tmp_path, "1,2\n3,4\n", header=False).names == ("0", "1")
    assert list(read(tmp_path, "1,2\n3,4\n", header=False).lines) == [1, 2]


def test_names_of_rows_without_a_name_of_their_own(tmp_path: Path) -> None:
    found = read(tmp_path, "x,y\nfirst,1,2\nsecond,3,4\n")  # as R's write.table has it
    assert found.names == ("column 1", "x", "y") and found.column("x") == ["1", "3"]


def test_a_separator_behind_the_last_cell_moves_no_column(tmp_path: Path) -> None:
    found = read(tmp_path, "x,y\n1,a,\n2,b,\n")
    assert found.names == ("x", "y") and found.column("x") == ["1", "2"]


def test_rows_that_end_early_are_filled_and_kept_in_mind(tmp_path: Path) -> None:
    found = read(tmp_path, "a,b,y\n1,2,x\n3\n")
    assert found.short == (1,) and found.column("b") == ["2", ""]


def test_the_index_of_pandas_has_no_name(tmp_path: Path) -> None:
    path = tmp_path / "data.parquet"
    pyarrow.parquet.write_table(pyarrow.table({"a": [1], "__index_level_0__": [0]}), path)
    assert read_table(path, TableOptions(path=str(path))).unnamed == {"column 2"}


@pytest.mark.parametrize("line", ["sep=;\n", "\ufeffSEP=;\r\n", '"sep=;"\n'])
def test_the_first_line_of_excel_says_the_separator(tmp_path: Path, line: str) -> None:
    found = read(tmp_path, line + "a,b;y\n1,5;x\n2,5;z\n")
    assert cells(found) == {"a,b": ["1,5", "2,5"], "y": ["x", "z"]} and list(found.lines) == [3, 4]


@pytest.mark.parametrize("name", ["patient", None])
def test_the_index_of_pandas_is_not_the_last_column(tmp_path: Path, name: str | None) -> None:
    frame = pandas.DataFrame({"a": [1.5, 2.5], "y": ["u", "v"]}, index=[7, 3])
    frame.index.name = name
    path = tmp_path / "data.parquet"
    frame.to_parquet(path)
    found = read_table(path, TableOptions(path=str(path)))
    assert found.names == (name or "column 1", "a", "y") and found.index == {found.names[0]}


def test_separators() -> None:
    assert find_separator("a;b;c\n1,5;2,5;3\n2,5;1,1;2\n") == ";"
    assert find_separator("a;b;c\n" + "1,5;2,5;3\n" * 30) == ";"
    assert find_separator("a;price\n" + "0,126;17.012\n" * 30) == ";"
    assert find_separator("a,b\n" + "row,1,2\n" * 30) == ","  # as R writes it
    assert find_separator('a,b\n"x;y;z",1\n"x;y",2\n') == ","
    assert find_separator("a\n1\n") == ","
    assert find_separator("Chins Situps  Jumps\n5 162 60\n2  110 60\n") == r"\s+"
    assert find_separator("some words\nand some more\n") == ","


def test_separators_of_several_characters(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match=r"'\(\(' is no regular expression.* at position 1"):
        TableOptions(path="a.csv", separator="((")
    assert TableOptions(path="a.csv", separator="(").separator == "("
    assert cells(read(tmp_path, "a  y\n1 x\n2    z\n", separator=r"\s+")) == {
        "a": ["1", "2"],
        "y": ["x", "z"],
    }


@pytest.mark.parametrize(
    ("text", "name", "words"),
    [
        ("", "data.csv", "cannot be read as a table: it is empty"),
        ("a,b\n", "data.csv", "has no rows"),
        ("a\n1\n", "data.csv", "has one column; is ',' the right separator"),
        (
            "a,b\n1,2\n\n3,4,5,6\n",
            "data.csv",
            "line 4 has 4 cells, and there are 2 columns.*header=false",
        ),
        (  # no names of rows: as unquoted decimals, 0,5 became a nameless 0 and x = 5
            "x,y\n0,5,a\n0,7,b\n",
            "data.csv",
            "line 2 has 3 cells, and there are 2 columns; a .* such as a number with a decimal comma, is put in quotes",
        ),
        (
            "Sales of 2024\n\nx,y\n1,2\n",
            "data.csv",
            "the first line, 'Sales of 2024', is one cell, and line 3 has 2; take out what stands above",
        ),
        ('a,b\n1,2\n3,"4\n5,6\n', "data.csv", "the quotes of the record at line 3 do not fit"),
        (bytes(range(128, 256)), "data.csv", "it is no text in UTF-8"),
        (b"a,b\n1,\0\n", "data.csv", "it is no text"),
        ("{\n", "data.jsonl", "line 1 is no JSON"),
        ("[1]\n", "data.jsonl", "line 1 is no JSON object"),
        ("[" * 100_000, "data.jsonl", "line 1 is no JSON"),
        (
            '{"a": "x"}\n{"a": "\\ud83d y"}\n',
            "data.jsonl",
            r"line 2 holds \\ud83d, which is half of a",
        ),
        ('{"a\\uDC00": "x"}\n', "data.jsonl", r"line 1 holds \\udc00"),
        ("a,b\n", "data.parquet", "cannot be read as a table"),
    ],
)
def test_bad_files(tmp_path: Path, text: str | bytes, name: str, words: str) -> None:
    with pytest.raises(DataError, match=words):
        read(tmp_path, text, name)


def test_an_unknown_encoding(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no encoding is named 'klingon'"):
        read(tmp_path, encoding="klingon")
    (tmp_path / "l.csv").write_bytes("Öl,b\n1,2\n".encode("latin-1"))
    with pytest.raises(DataError, match=r"is not in utf-8: .*; leave encoding out"):
        read_table(tmp_path / "l.csv", TableOptions(path="l.csv", encoding="utf-8"))


NESTED = {"a": [[1, 2], [3]], "b": [{"x": 1}, {"x": 2}], "c": [b"one", b"two"], "y": [1, 2]}


def test_several_values_in_a_cell_are_refused_by_column(tmp_path):
    path = tmp_path / "data.parquet"
    pyarrow.parquet.write_table(pyarrow.table(NESTED), path)
    with pytest.raises(
        DataError, match=r"data.parquet: the column 'a' holds list<\w+: int64>, which .*drop=\[a\]"
    ):
        read_table(path, TableOptions(path="p"))
    with pytest.raises(DataError, match=r"the column 'b' holds struct<x: int64>"):
        read_table(path, TableOptions(path="p", drop="a"))
    found = read_table(path, TableOptions(path="p", drop=("a", "b")))
    assert found.names == ("a", "b", "c", "y") and found.column("c") == ["one", "two"]


def test_bytes_that_are_no_text_are_refused_by_column_and_may_be_left_out(tmp_path):
    path = tmp_path / "data.parquet"
    pyarrow.parquet.write_table(
        pyarrow.table({"icon": [b"\x89P", b"\xff"], "x": [1, 2], "y": [3, 4]}), path
    )
    with pytest.raises(
        DataError, match=r"data.parquet: the column 'icon' holds bytes .*drop=\[icon\]"
    ):
        read_table(path, TableOptions(path="p"))
    found = read_table(path, TableOptions(path="p", drop="icon"))
    assert found.column("x") == ["1", "2"]
    assert len({*found.column("icon")}) == 2  # rows are told apart in the cut all the same


@pytest.mark.parametrize(("value", "word"), [("[1, 2]", "a list"), ('{"x": 1}', "an object")])
def test_several_values_under_a_key_are_refused_by_line(tmp_path, value, word):
    lines = f'{{"a": 1, "y": 2}}\n{{"a": {value}, "y": 2}}\n'
    with pytest.raises(
        DataError, match=rf"line 2 holds {word} under 'a', which are several .*drop=\[a\]"
    ):
        read(tmp_path, lines, "data.jsonl")
    path = tmp_path / "data.jsonl"
    assert read_table(path, TableOptions(path="p", drop="a")).names == ("a", "y")


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_line_of_json_ends_where_the_line_does(tmp_path, end):
    texts = ["one\u2028two", "three\x85four", "\\ud83d\\ude00"]
    lines = [f'{{"text": "{text}", "y": {place}}}' for place, text in enumerate(texts)]
    found = read(tmp_path, end.join(lines).encode(), "data.jsonl")
    assert found.column("text") == [*texts[:2], "\U0001f600"]
