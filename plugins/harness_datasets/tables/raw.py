"""A table as it is in its file: cells of text, and the line that each row began at."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np

from harness.api import DataError
from harness_datasets.tables.stored_cells import StoredCells

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class RawTable:
    """Cells without the blanks around them; an empty one is "".

    names: of the columns, each once. columns: the cells of each, ``(rows,)``. lines: where each row begins,
        as an editor counts lines; of a file without lines the number of the row. unit: "line" or "row".
    unnamed: the columns that have no name in the file. short: rows that had fewer cells than the header.
    encoding, separator: how a file of text was read; "" for others.
    padded: the columns in which cells differ in the blanks around them alone ("cat ", "cat").
    index: the columns that pandas wrote its index to. signs: the marks that are the decimal sign of some column
        for sure. row_as_names: the names, where they look like the cells of a row. late: keys of JSON lines that
        some rows end with, though most end with the last name, and in how many.
    """

    path: Path
    names: tuple[str, ...]
    columns: tuple[Sequence[str], ...]
    lines: Sequence[int]
    unit: str = "line"
    unnamed: frozenset[str] = frozenset()
    short: tuple[int, ...] = ()
    encoding: str = ""
    separator: str = ""
    padded: frozenset[str] = frozenset()
    index: frozenset[str] = frozenset()
    signs: frozenset[str] = frozenset()
    row_as_names: tuple[str, ...] = ()
    late: Mapping[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.lines)

    def column(self, name: str) -> Sequence[str]:
        """Return the cells of a column."""
        return self.columns[self.names.index(name)]

    def place(self, row: int) -> str:
        """Return where a row is: "data.csv, line 7"."""
        return f"{self.path.name}, {self.unit} {self.lines[row]}"

    def require(self, name: str, option: str) -> str:
        """Return a name that an option gives.

        Raises:
            DataError: There is no such column.
        """
        return require_name(self.path, self.names, name, option)

    def take(self, rows: Array) -> RawTable:
        """Return the table with some of its rows."""
        if np.array_equal(rows, np.arange(len(self))):
            return replace(self, short=())
        kept = rows.tolist()
        return replace(
            self,
            columns=tuple(
                cells.take(rows) if isinstance(cells, StoredCells) else [cells[row] for row in kept]
                for cells in self.columns
            ),
            lines=[self.lines[row] for row in kept],
            short=(),
        )


def strip_cells(
    names: Sequence[str], written: Iterable[Sequence[str]]
) -> tuple[tuple[list[str], ...], frozenset[str]]:
    """Return the cells of each column without the blanks around them, and the columns in which those alone
    told cells apart.
    """
    columns, padded = [], set[str]()
    for name, cells in zip(names, written, strict=True):
        stripped = [cell.strip() for cell in cells]
        columns.append(stripped)
        if len(set(stripped) - {""}) < len({cell for cell in cells if cell.strip()}):
            padded.add(name)
    return tuple(columns), frozenset(padded)


def strip_stored(
    names: Sequence[str], written: Sequence[StoredCells]
) -> tuple[tuple[StoredCells, ...], frozenset[str]]:
    """As `strip_cells`, of a large table."""
    from pyarrow import compute

    columns, padded = [], set[str]()
    for name, cells in zip(names, written, strict=True):
        if cells.is_bare():
            columns.append(cells)
            continue
        stripped = compute.utf8_trim_whitespace(cells.column)
        if compute.all(compute.equal(stripped, cells.column)).as_py():
            columns.append(cells)
            continue
        columns.append(StoredCells(stripped))
        left = compute.utf8_ltrim(cells.column, " ")  # as `files` does
        kept = left.filter(compute.not_equal(stripped, ""))
        filled = stripped.filter(compute.not_equal(stripped, ""))
        if compute.count_distinct(filled).as_py() < compute.count_distinct(kept).as_py():
            padded.add(name)
    return tuple(columns), frozenset(padded)


def require_name(path: Path, names: Sequence[str], name: str, option: str) -> str:
    """Return a name that an option gives. names: of the columns of a file.

    Raises:
        DataError: There is no such column.
    """
    if name not in names:
        shown = ", ".join(names[:20]) + (", ..." if len(names) > 20 else "")
        near = get_close_matches(name, names, 1)
        mean = f"; did you mean {near[0]!r}?" if near else ""
        raise DataError(
            f"{path} has no column {name!r}, which {option} names{mean or f'; it has {shown}'}"
        )
    return name


def name_columns(written: Sequence[str]) -> tuple[tuple[str, ...], frozenset[str]]:
    """Return a name for each column, each once, and those that had none in the file.

    Where every name stands in single quotes, these are no part of it.
    """
    names: list[str] = []
    unnamed = set[str]()
    texts = [text.strip() for text in written]
    quoted = all(len(text) > 2 and text[0] == text[-1] == "'" for text in texts)
    for place, text in enumerate(texts):
        name = text[1:-1].strip() if quoted else text
        if not name or name.lower().startswith("unnamed:"):
            name = f"column {place + 1}"
            unnamed.add(name)
        count = 1
        free = name
        while free in names:
            free, count = f"{name}.{count}", count + 1
        names.append(free)
    return tuple(names), frozenset(unnamed)
