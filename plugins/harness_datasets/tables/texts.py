"""A column of a table whose text is the example."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from harness.api import DataError, DataNote, Encoded
from harness_datasets.tables.columns import take_column
from harness_datasets.tables.options import TableOptions
from harness_datasets.tables.raw import Array, RawTable
from harness_datasets.tables.target import Target
from harness_datasets.texts.encoding import TextEncoder
from harness_datasets.texts.files import refuse_other_encoding


def find_text(table: RawTable, options: TableOptions, besides: Sequence[str]) -> str:
    """Return the column whose text is the example; "" where the columns are.

    It is the one that `text` names, or one of free text where nothing else is left to learn from.

    Raises:
        DataError: There is no such column; or `modality` asks for one, and there is none or are several.
    """
    if options.text:
        return table.require(options.text, "text")
    if options.modality == "table":
        return ""
    found = []
    for name in table.names:
        if name in besides:
            continue
        taken = take_column(table, name, options)
        if taken.free_text:
            found.append(name)
        elif taken.kind != "left out" and options.modality == "auto":
            return ""
    if len(found) == 1:
        return found[0]
    if options.modality == "auto":
        return ""
    there = f"there are {', '.join(map(repr, found))}" if found else "no column is free text"
    raise DataError(f"{table.path}: text=... names the column whose text is the example; {there}")


def encode_texts(
    table: RawTable, name: str, target: Target, options: TableOptions
) -> Callable[[Array], Encoded]:
    """Return what makes tokens of the text of a column, of the rows that have a target.

    Raises:
        DataError: The file is not in UTF-8.
    """
    refuse_other_encoding(table.path, table.encoding if options.encoding == "auto" else "")
    return _Encode(table, name, target, options)


@dataclass(frozen=True)
class _Encode:
    table: RawTable
    name: str
    target: Target
    options: TableOptions

    def __call__(self, train: Array) -> Encoded:
        found = TextEncoder(self.table.column(self.name), self.options)(train)
        note = self._note()
        return replace(found, notes=(note, *found.notes))

    def _note(self) -> DataNote:
        rows = [
            (name, "left out", f"the text of {self.name!r} alone is the example", "")
            for name in self.table.names
            if name not in (self.name, self.target.name)
        ]
        return DataNote(
            title=f"Columns of {self.table.path.name}: {len(rows)} of {len(self.table.names)} left out",
            header=("column", "taken for", "why", "to do otherwise"),
            rows=(
                (self.name, "text", "its cells are the examples", ""),
                *rows,
                (self.target.name, "target", self.target.why, self.target.instead),
            ),
        )
