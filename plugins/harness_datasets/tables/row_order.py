"""What the order of a table's rows says: that they are in the order of time, or belong to those next to them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from harness.api import Finding
from harness_datasets.tables.columns import Taken, is_permutation, write_option
from harness_datasets.tables.findings import TableRows
from harness_datasets.tables.options import NUMBER_OF_ROW
from harness_datasets.tables.raw import Array

FEWEST = 20  # rows, below which an order may be chance
PAIRS = 50  # rows, below which a likeness of neighbours may be chance: 0.5 is 3.5 deviations there
ALIKE = 0.5  # of neighbours' targets: a correlation of ranks, or an agreement beyond chance


def find_in_order(rows: TableRows) -> Iterator[Finding]:
    """Yield findings where rows that are next to each other belong together, and were cut at random."""
    if rows.options.order or rows.options.group:
        return
    dated = _date_in_order(rows.columns)
    if dated is not None:
        yield Finding(
            code="in-order-of-time",
            sentence=f"The rows are in the order of {dated.name!r}, and test rows were drawn between those of training.",
            advice=f"If the model is for the future, cut by time with {write_option('order', dated.name)}; where columns are series "
            "that go on, problem=forecast forecasts them.",
        )
        return
    yield from _find_neighbours(rows)


def _date_in_order(columns: Sequence[Taken]) -> Taken | None:
    return next(
        (one for one in columns if one.kind == "date" and _rises(one, strictly=False)), None
    )


def _find_neighbours(rows: TableRows) -> Iterator[Finding]:
    """Yield a finding where targets are like those of the rows before, in the file or by a date or an index.

    A smooth series is one: between two rows of training a test row has nearly their target, and nearly their inputs where
    these are values of the past. Rows that are merely sorted by the target are none.
    """
    for column in (None, *(one for one in rows.columns if _may_be_time(one))):
        targets = rows.target.values
        if column is not None:
            assert column.values is not None
            targets = targets[np.argsort(column.values, kind="stable")]
        alike = _likeness(targets, classes=rows.target.problem == "classification")
        if alike < ALIKE:
            continue
        rising = next((one for one in rows.columns if _rises(one, strictly=True)), None)
        time = column or rising
        by = "" if column is None else f" by {column.name!r}"
        measured = "agreement beyond chance" if rows.target.class_names else "correlation of ranks"
        yield Finding(
            code="neighbours-alike",
            sentence=f"Rows that are next to each other{by} have like targets ({measured} {alike:.2f}), as in the order of "
            "time or in groups, and test rows were drawn between those of training.",
            advice="If the model is for the future or for new groups, cut with "
            f"{write_option('order', time.name if time else NUMBER_OF_ROW)} or by a column of groups with group=...; "
            "if the rows are sorted by one of the features, nothing.",
            numbers={"alike": alike},
        )
        return


def _may_be_time(column: Taken) -> bool:
    values = column.values
    if values is None or np.isnan(values).any():
        return False
    return column.kind == "date" or (column.kind == "left out" and is_permutation(values))


def _rises(column: Taken, *, strictly: bool) -> bool:
    """Whether a column goes through the rows in order."""
    values = column.values
    if values is None or len(values) < FEWEST or np.isnan(values).any():
        return False
    steps = np.diff(values)
    if strictly:
        return bool((steps > 0).all() or (steps < 0).all())
    return bool(((steps >= 0).all() or (steps <= 0).all()) and steps.any())


def _likeness(targets: Array, *, classes: bool) -> float:
    """Return how like targets are to those of the rows before: 0 by chance, 1 the same.

    0 too where there are too few, or where they are sorted.
    """
    before, after = targets[:-1], targets[1:]
    if len(after) < PAIRS:
        return 0.0
    if classes:
        shares = np.unique(targets, return_counts=True)[1] / len(targets)
        changes = int((before != after).sum())
        by_chance = float(np.square(shares).sum())
        if changes < 3 * len(shares) or by_chance == 1.0:
            return 0.0
        return (1.0 - changes / len(after) - by_chance) / (1.0 - by_chance)
    steps = np.sign(np.diff(targets))
    if min(int((steps > 0).sum()), int((steps < 0).sum())) < len(steps) / 20:
        return 0.0
    ranks = np.unique(targets, return_inverse=True)[1].astype(np.float64)
    return float(np.corrcoef(ranks[:-1], ranks[1:])[0, 1])
