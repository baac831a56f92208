"""A column of text as the example: where it is named, and where nothing else is left."""

from pathlib import Path

import numpy as np
import pytest

from harness.api import DataError, LoadedData
from harness_datasets.table import load, settle
from harness_datasets.tables.options import TableOptions

WORDS = ["red", "green", "blue", "grey"]
ROWS = [
    (f"It was {WORDS[at % 4]} and number {at} of all", at % 7, "yn"[at % 2]) for at in range(40)
]


def write(path: Path, columns: str, encoding: str = "utf-8") -> TableOptions:
    places = {"text": 0, "size": 1, "kind": 2}
    names = columns.split(",")
    lines = [columns, *(",".join(str(row[places[name]]) for name in names) for row in ROWS)]
    path.write_text("\n".join(lines), encoding=encoding)
    return TableOptions(path=str(path))


def test_text_alone_is_the_example(tmp_path: Path) -> None:
    options = write(tmp_path / "a.csv", "text,kind")
    assert settle(options) == {"problem": "classification", "modality": "tokens", "text": "text"}
    data = load(options)
    assert (data.modality, data.problem, data.class_names) == (
        "tokens",
        "classification",
        ("n", "y"),
    )
    assert data.encode is not None
    found = data.encode(np.ones(40, dtype=bool))
    assert found.text is not None and found.text.text(found.inputs[1])[:16] == "It was green and"


def test_beside_a_feature_it_is_left_out_unless_it_is_named(tmp_path: Path) -> None:
    options = write(tmp_path / "a.csv", "text,size,kind")
    assert settle(options) == {"problem": "classification"} and load(options).modality == "table"
    assert load(options.model_copy(update={"text": "text"})).modality == "tokens"
    assert load(options.model_copy(update={"modality": "tokens"})).modality == "tokens"
    told = load(options).encode(np.ones(40, dtype=bool)).notes[0]  # type: ignore[misc]
    assert ("text", "text=text") == (told.rows[0][0], told.rows[0][3])


def test_a_number_is_predicted_from_text(tmp_path: Path) -> None:
    options = write(tmp_path / "a.csv", "text,kind,size")
    data: LoadedData = load(options.model_copy(update={"text": "text", "problem": "regression"}))
    assert (data.modality, data.problem) == ("tokens", "regression")


def test_what_cannot_be_is_refused(tmp_path: Path) -> None:
    options = write(tmp_path / "a.csv", "text,kind")
    with pytest.raises(
        DataError, match="has no column 'words', which text names; it has text, kind"
    ):
        load(options.model_copy(update={"text": "words"}))
    with pytest.raises(DataError, match="text names 'kind', which is to be predicted"):
        load(options.model_copy(update={"text": "kind"}))
    with pytest.raises(ValueError, match="modality=table asks for columns"):
        TableOptions(path="a.csv", text="text", modality="table")
    bare = write(tmp_path / "b.csv", "size,kind").model_copy(update={"modality": "tokens"})
    with pytest.raises(DataError, match="no column is free text"):
        load(bare)


def test_a_text_that_is_no_utf8_is_refused_by_its_line(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    options = write(path, "text,kind")
    path.write_text(path.read_text().replace("blue", "gelbgrün"), encoding="cp1252")
    with pytest.raises(DataError, match=r"line 4 has the byte 0xfc.*or say encoding=cp1252"):
        load(options)
    assert load(options.model_copy(update={"encoding": "cp1252"})).modality == "tokens"
