"""What a reader should know of how a table's text was read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from harness.api import Finding
from harness.api.reporting import counted, list_some
from harness_datasets.tables.columns import Taken, known_of, write_option
from harness_datasets.tables.options import TableOptions
from harness_datasets.tables.raw import Array, RawTable
from harness_datasets.tables.target import Target

# Rows, and share of them, that hold a number before it may stand for something.
STANDING_IN = (3, 0.01)
SQUEEZED = (
    5.0  # times the deviation of all other numbers, from which on a net learns little of those
)
OTHERS = 10  # different numbers beside it, without which no range is known
MOST_STAND_INS = 3  # of a column


def find_row_as_names(table: RawTable) -> Iterator[Finding]:
    """Yield a finding where the first line, taken for names, looks like a row."""
    if table.row_as_names:
        yield Finding(
            code="row-as-names",
            sentence=f"The first line of {table.path.name} was taken for the names of the columns, and looks like a "
            f"row: {list_some([repr(name) for name in table.row_as_names])}.",
            advice="If the file has no line of names, give header=false; else the first row is lost.",
        )


def find_doubts(columns: Sequence[Taken], target: Target) -> Iterator[Finding]:
    """Yield findings about numbers and dates that could be others, lost digits, and numbers in columns of words."""
    doubts = [(column.name, column.doubt, column.instead) for column in columns if column.doubt]
    if target.doubt:
        doubts.append((target.name, target.doubt, target.instead))
    if doubts:
        yield Finding(
            code="thousands-or-decimals",
            sentence="A mark before three digits could stand for thousands or for decimals: "
            f"{list_some([f'{name!r} ({doubt})' for name, doubt, _ in doubts])}.",
            advice=f"If they are the other, give {' or '.join(sorted({option for *_, option in doubts}))}.",
        )
    lost = [f"{column.name!r} ({column.lost})" for column in columns if column.lost]
    if lost:
        yield Finding(
            code="digits-lost",
            sentence=f"Whole numbers are too long for float64, which takes different ones for one: {list_some(lost)}.",
            advice="If they name something, give the column in categories, or leave it out with drop.",
        )
    held = [f"{column.name!r} (such as {column.example!r})" for column in columns if column.example]
    if held:
        yield Finding(
            code="numbers-in-words",
            sentence=f"Columns are not taken for numbers though most of their cells hold one: {list_some(held)}.",
            advice="If they are numbers, write them alone, with the unit in the name of the column.",
        )
    dates = [(column.name, column.dates) for column in columns if column.dates]
    either = [(name, read) for name, read in dates if read.other]
    if either:
        each = [f"{name!r} (read as {read.words})" for name, read in either]
        yield Finding(
            code="dates-either-way",
            sentence=f"All dates of a column could be read in another way: {list_some(each)}.",
            advice="If they are the other, give "
            + " or ".join(sorted({write_option("date_format", read.other) for _, read in either}))
            + ".",
        )


def find_late_keys(table: RawTable, target: Target, options: TableOptions) -> Iterator[Finding]:
    """Yield a finding where rows of JSON lines have keys behind the one that was taken for the target."""
    if table.late and not options.target:
        keys = [f"{name!r} ({counted(rows, 'row')})" for name, rows in table.late.items()]
        yield Finding(
            code="keys-behind-target",
            sentence=f"The target is {target.name!r}, the last key of most rows of {table.path.name}; others come last "
            f"in some: {list_some(keys)}.",
            advice="If one of them is to be predicted, give target=... with its name.",
        )


def find_stand_ins(columns: Sequence[Taken], target: Target) -> Iterator[Finding]:
    """Yield a finding where numbers, those to predict among them, may stand for missing cells.

    One may, such as -999, where several rows hold it and it is farther from all others of its column than
    they are from one another. Figures are doubtful where it makes the deviation by which the column is scaled
    many times that of all others, which are nearly one then.
    """
    numbers = [
        (column.name, column.values)
        for column in columns
        if column.kind == "number" and column.values is not None
    ]
    if target.problem == "regression":
        numbers.append((target.name, target.values))
    found = [(name, one) for name, values in numbers if (one := _stand_ins(values))]
    if found:
        each = [f"{one.words} of {name!r} ({one.span})" for name, one in found]
        values = ",".join(dict.fromkeys(value for _, one in found for value, _ in one.rows))
        squeezed = any(one.times >= SQUEEZED for _, one in found)
        yield Finding(
            code="stands-for-missing",
            sentence="A number that several rows hold is farther from all others of its column than they are from one "
            f"another: {list_some(each)}.",
            advice=f"If it stands for a missing cell, write na=[{values}].",
            flag="a number may stand for missing cells, and decides a column's scale"
            if squeezed
            else "",
        )


@dataclass(frozen=True)
class _StandIns:
    """The numbers of a column that may stand for missing cells.

    rows: each number, and how many rows hold it. span: the range of all others. times: how many times their
    deviation that of the column is.
    """

    rows: tuple[tuple[str, int], ...]
    span: str
    times: float

    @property
    def words(self) -> str:
        return " and ".join(f"{value} in {rows} rows" for value, rows in self.rows)


def _stand_ins(column: Array) -> _StandIns | None:
    """Return the numbers of a column ``(rows,)`` that may stand for missing cells; NaN where one is missing.

    Beside one that does, as -999, another one may that lies nearer, as -1.
    """
    known = rest = known_of(column)
    rows: list[tuple[str, int]] = []
    while len(rows) < MOST_STAND_INS and (one := _stand_in(rest, len(known), bool(rows))):
        rows.append((f"{one:.10g}", int((rest == one).sum())))
        rest = rest[rest != one]
    if not rows:
        return None
    with np.errstate(over="ignore"):
        deviation = rest.std()
        times = float(known.std() / deviation) if deviation > 0 else np.inf
    return _StandIns(tuple(rows), f"others {rest.min():.10g} to {rest.max():.10g}", times)


def _stand_in(known: Array, cells: int, again: bool) -> float | None:
    """Return the least or largest number, where it may stand for a missing cell; cells: of the column.

    again: another one does already; then it need only be off by more than any two neighbours are, or be of another
    sign than all the rest.
    """
    least = max(STANDING_IN[0], STANDING_IN[1] * cells)
    if (
        not len(known)
        or max(np.count_nonzero(known == end) for end in (known.min(), known.max())) < least
    ):
        return None
    values, counts = np.unique(known, return_counts=True)
    if len(values) <= OTHERS:
        return None
    with np.errstate(over="ignore"):
        for place, others in ((0, values[1:]), (-1, values[:-1])):
            if counts[place] < least:
                continue
            gap = float(np.abs(values[place] - others).min())
            alone = values[place] * others[0] <= 0 and values[place] * others[-1] <= 0
            if gap > others[-1] - others[0] or (
                again and (gap > np.diff(others).max() or (alone and values[place] != 0))
            ):
                return float(values[place])
    return None
