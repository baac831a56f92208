"""What a reader should know of how a table's text was read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.api import Finding
from harness_datasets.tables.columns import Taken
from harness_datasets.tables.raw import RawTable
from harness_datasets.tables.target import Target

NAMED = 5  # columns in a sentence; more are counted


def find_row_as_names(table: RawTable) -> Iterator[Finding]:
    """Yield a finding where the first line, taken for names, looks like a row."""
    if table.row_as_names:
        yield Finding(
            code="row-as-names",
            sentence=f"The first line of {table.path.name} was taken for the names of the columns, and looks like a "
            f"row: {_list([repr(name) for name in table.row_as_names])}.",
            advice="If the file has no line of names, give header=false; else the first row is lost.",
        )


def find_doubts(columns: Sequence[Taken], target: Target) -> Iterator[Finding]:
    """Yield findings about numbers that could be others, lost digits, and numbers in columns of words."""
    doubts = [(column.name, column.doubt, column.instead) for column in columns if column.doubt]
    if target.doubt:
        doubts.append((target.name, target.doubt, target.instead))
    if doubts:
        yield Finding(
            code="thousands-or-decimals",
            sentence="A mark before three digits could stand for thousands or for decimals: "
            f"{_list([f'{name!r} ({doubt})' for name, doubt, _ in doubts])}.",
            advice=f"If they are the other, give {' or '.join(sorted({option for *_, option in doubts}))}.",
        )
    lost = [f"{column.name!r} ({column.lost})" for column in columns if column.lost]
    if lost:
        yield Finding(
            code="digits-lost",
            sentence=f"Whole numbers are too long for float64, which takes different ones for one: {_list(lost)}.",
            advice="If they name something, give the column in categories, or leave it out with drop.",
        )
    held = [f"{column.name!r} (such as {column.example!r})" for column in columns if column.example]
    if held:
        yield Finding(
            code="numbers-in-words",
            sentence=f"Columns are not taken for numbers though most of their cells hold one: {_list(held)}.",
            advice="If they are numbers, write them alone, with the unit in the name of the column.",
        )


def _list(words: Sequence[str]) -> str:
    rest = len(words) - NAMED
    return ", ".join(words[:NAMED]) + (f" and {rest} more" if rest > 0 else "")
