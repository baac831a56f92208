"""Parts of a table that a column tells apart: which rows are trained on, and by what figures may be told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from harness.api import DataError
from harness.api.reporting import counted, list_some
from harness_datasets.tables.options import TableOptions
from harness_datasets.tables.raw import Array, RawTable

MOST_LABELS = 100  # values of a column by which figures may be told apart
MISSING = "(missing)"


def take_parts(table: RawTable, options: TableOptions) -> RawTable:
    """Return the rows of the parts that are trained or tested on.

    Raises:
        DataError: There is no such column, or no row has one of the values; or nothing is left to train on.
    """
    cells = np.array(table.column(table.require(options.part, "part")))
    there = sorted(set(cells.tolist()))
    for option in ("test_parts", "train_parts"):
        for value in getattr(options, option):
            if value not in there:
                shown = list_some([*map(repr, there)], 20)
                raise DataError(
                    f"{table.path}: no row has {value!r} in {options.part!r}, which {option} names; there are {shown}"
                )
    if set(there) == set(options.test_parts):
        raise DataError(
            f"{table.path}: test_parts takes all {counted(len(cells), 'row')}, and none is left to train on"
        )
    if not options.train_parts:
        return table
    kept = np.isin(cells, [*options.train_parts, *options.test_parts])
    return table if kept.all() else table.take(np.flatnonzero(kept))


def split_by_part(table: RawTable, options: TableOptions) -> Array:
    """Return "train" or "test" for each row, by its cell in the column `part`."""
    return np.where(np.isin(table.column(options.part), options.test_parts), "test", "train")


def find_labels(table: RawTable, target: str) -> Mapping[str, Sequence[str]]:
    """Return the columns of few values, but for the target, with a word for what is missing."""
    found = {}
    for name in table.names:
        cells = table.column(name)
        if name == target or len(set(cells[: 10 * MOST_LABELS])) > MOST_LABELS:
            continue
        if 1 < len(set(cells)) <= MOST_LABELS:
            found[name] = [cell or MISSING for cell in cells]
    return found
