"""Tables that the tests write, loaded and prepared as a run does."""

from pathlib import Path
from typing import Any

from harness.catalogue.chosen import Chosen
from harness.catalogue.finding import Finding, read_findings
from harness.catalogue.kinds import Dataset
from harness.data.notes import read_notes
from harness.data.prepare import prepare
from harness.data.prepared import PreparedData
from harness_datasets import table
from harness_datasets.tables.options import TableOptions


def write(folder: Path, header: str, rows: list[Any], name: str = "data.csv") -> Path:
    """Write rows, each a text or a sequence of cells, below a header."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = [row if isinstance(row, str) else ",".join(map(str, row)) for row in rows]
    path = folder / name
    path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    return path


def prepare_table(folder: Path, path: Path, seed: int = 0, **options: Any) -> PreparedData:
    """Prepare a table as a job does."""
    folder.mkdir(parents=True, exist_ok=True)
    item = Dataset(name="table", load=table.load, options=TableOptions)
    given = TableOptions(path=str(path), **options).model_dump(mode="json")
    prepare(Chosen(item=item, label="table", options=given), seed, folder)
    return PreparedData.open(folder)


def taken(data: PreparedData) -> dict[str, tuple[str, ...]]:
    """Return {column: (taken for, why, to do otherwise)}."""
    (note,) = read_notes(data.folder)
    return {row[0]: row[1:] for row in note.rows}


def found(data: PreparedData) -> dict[str, Finding]:
    """Return the findings by their code."""
    return {one.code: one for one in read_findings(data.folder) or ()}
