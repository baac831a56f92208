"""The column to predict: classes or numbers, and the rows that have none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from harness.api import DataError
from harness.api.reporting import counted
from harness_datasets.tables.columns import say_blanks, write_answering
from harness_datasets.tables.numerals import read_numerals, say_signs
from harness_datasets.tables.options import TableOptions
from harness_datasets.tables.raw import Array, RawTable
from harness_datasets.tables.stored_cells import count_words, find_places, has_more_words

MOST_NUMBERED = 20  # whole numbers that are classes unless `problem` says otherwise

Problem = Literal["classification", "regression"]


@dataclass(frozen=True)
class Target:
    """What is to be predicted.

    values: ``(rows,)``, float64 for a regression, else int64, of the rows that have one. rows: their mask.
    why: what it was taken for, in words. guessed: a person could have meant the other problem. instead: the option
        that would do otherwise, where that makes sense. doubt: how its numbers were read, where another way is
        as likely.
    """

    name: str
    problem: Problem
    values: Array
    rows: Array
    class_names: tuple[str, ...]
    why: str
    guessed: bool = False
    instead: str = ""
    doubt: str = ""


def find_target(table: RawTable, options: TableOptions) -> str:
    """Return the name of the column to predict: without an option the last one, but for those without name and cells,
    which a spreadsheet makes of commas at the ends of lines.

    Raises:
        DataError: There is no such column.
    """
    if options.target:
        return table.require(options.target, "target")
    written = (n for n in reversed(table.names) if n not in table.unnamed or any(table.column(n)))
    return next(written, table.names[-1])


def read_target(table: RawTable, options: TableOptions) -> Target:
    """Read the column to predict; rows without a value in it are left out.

    Raises:
        DataError: There is no such column, it is empty, or it is not what the problem asks for.
    """
    name = find_target(table, options)
    cells = table.column(name)
    if options.na:
        cells = ["" if text in options.na else text for text in cells]
    if not any(cells):
        raise DataError(f"{table.path}: the target column {name!r} is empty")
    numbers = read_numerals(table, cells, options)
    if numbers is not None and numbers.odd:
        several = len(np.unique(numbers.values[~np.isnan(numbers.values)])) > MOST_NUMBERED
        if options.problem == "regression" or (options.problem == "auto" and several):
            odd = next(iter(numbers.odd))
            raise DataError(
                f"{table.place(cells.index(odd))}: the target column {name!r} holds {odd!r}, where most cells "
                f"are numbers; na={odd} leaves such rows out"
            )
    several = numbers is not None and has_more_words(cells, MOST_NUMBERED)
    insists = options.problem == "regression" or (options.problem == "auto" and several)
    if numbers is not None and numbers.less and insists:
        raise DataError(
            f"{table.path}: the target column {name!r} holds whole numbers beyond 2^53 of which float64 takes "
            f"different ones for one; take {numbers.less} off each in the file"
        )
    if numbers is None or numbers.odd or numbers.less:
        return _read_words(table, name, cells, options)
    values = numbers.values
    rows = ~np.isnan(values)
    distinct = np.unique(values[rows])
    whole = bool((distinct == np.floor(distinct)).all())
    problem: Problem
    if options.problem == "auto":
        problem = "classification" if whole and len(distinct) <= MOST_NUMBERED else "regression"
    else:
        problem = options.problem
    said = f"{len(distinct)} different {'whole numbers' if whole else 'numbers'}"
    done = "".join(f", {part}" for part in numbers.said)
    doubt = numbers.said[-1] if numbers.doubtful else ""
    if problem == "regression":
        return Target(
            name,
            problem,
            values[rows],
            rows,
            (),
            f"a number to predict: {said}, {distinct[0]:.10g} to {distinct[-1]:.10g}{done}",
            options.problem == "auto" and whole,
            numbers.instead or ("problem=classification" if whole else ""),
            doubt,
        )
    codes = np.searchsorted(distinct, values[rows])
    names = tuple(_as_name(value) for value in distinct)
    return Target(
        name,
        problem,
        codes.astype(np.int64),
        rows,
        names,
        f"classes: {said}{done}",
        instead=numbers.instead or "problem=regression",
        doubt=doubt,
    )


def _read_words(table: RawTable, name: str, cells: Sequence[str], options: TableOptions) -> Target:
    signs = say_signs(cells, options)
    if options.problem == "regression":
        row = next(row for row, text in enumerate(cells) if text)
        raise DataError(
            f"{table.place(row)}: the target column {name!r} holds text, {cells[row]!r}; {signs or 'regression needs numbers'}"
        )
    counts = count_words(cells)
    classes = sorted(counts.keys() - {""})
    places = find_places(cells, classes)
    rows = places >= 0
    if options.problem == "auto" and len(classes) > max(MOST_NUMBERED, rows.sum() / 2):
        others = [other for other in table.names if other != name]
        answers = f", {write_answering(others[0], name)} where its texts answer another's"
        raise DataError(
            f"{table.path}: the target column {name!r} holds {len(classes):,} different words in {counted(int(rows.sum()), 'row')}, "
            f"which are no classes to learn; {signs or 'target names another column'}, problem=classification insists"
            f"{answers if others and not signs else ''}"
        )
    most = max(classes, key=lambda text: counts[text])
    why = f"classes: {counted(len(classes), 'different word')}, most often {most!r}{say_blanks(table, name)}"
    return Target(name, "classification", places[rows], rows, tuple(classes), why)


def _as_name(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(float(value))
