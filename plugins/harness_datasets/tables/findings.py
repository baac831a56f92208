"""What a reader should know of a table's columns before the figures are believed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from harness.api import Finding
from harness.api.reporting import counted, list_some
from harness_datasets.tables.columns import (
    Taken,
    each_column,
    is_monotone,
    is_permutation,
    is_whole,
    known_of,
    looks_like_identifier,
    write_option,
)
from harness_datasets.tables.options import TableOptions
from harness_datasets.tables.raw import Array, RawTable
from harness_datasets.tables.target import Target

NEARLY = 0.99  # share of one value, from which on a column is nearly constant
ALONE = 0.99  # accuracy or R2 that one column reaches by itself
FEWEST = 20  # rows that are not for training, below which one column proves nothing
MOST_ROWS = 25_000  # of which it is found out what one column reaches: 0.99 within 0.002 of 10,000 that are tested
_TOLD_BY = 1000  # first rows, by which most columns that are not the same are told apart
BINS = 64  # of a column of numbers, by quantiles of training


@dataclass(frozen=True)
class TableRows:
    """The rows that have a target, how they were cut, and what the columns were taken for."""

    table: RawTable
    target: Target
    train: Array
    columns: Sequence[Taken]
    options: TableOptions


def find_short_rows(table: RawTable) -> Iterator[Finding]:
    """Yield a finding where rows had fewer cells than the header."""
    if table.short:
        yield Finding(
            code="short-rows",
            sentence=f"{counted(len(table.short), 'row has', 'rows have')} fewer cells than the header, the first at "
            f"{table.place(table.short[0])}; what is not there counts as missing.",
            advice="See whether the file was cut off, or a separator is missing.",
            numbers={"rows": len(table.short)},
        )


def find_encoding(table: RawTable) -> Iterator[Finding]:
    """Yield a finding where a file's encoding had to be guessed."""
    if table.encoding == "cp1252":
        yield Finding(
            code="encoding",
            sentence=f"{table.path.name} is no UTF-8 and was read as Windows-1252.",
            advice="Where letters look wrong, give encoding=... by name.",
        )


def find_target_questions(table: RawTable, target: Target) -> Iterator[Finding]:
    """Yield findings about rows without a target, and about a problem that was guessed."""
    absent = np.flatnonzero(~target.rows)
    if len(absent):
        yield Finding(
            code="rows-without-target",
            sentence=f"{len(absent):,} of {len(table):,} rows {'has' if len(absent) == 1 else 'have'} no {target.name!r} and "
            f"{'is' if len(absent) == 1 else 'are'} left out, the first at {table.place(int(absent[0]))}.",
            advice="Nothing, unless they should have one.",
            numbers={"rows": len(absent)},
        )
    if target.guessed:
        yield Finding(
            code="problem-guessed",
            sentence=f"{target.name!r} was taken for {target.why}.",
            advice="If these are names of classes, write problem=classification.",
        )


def find_in_columns(rows: TableRows) -> Iterator[Finding]:
    """Yield findings about the columns that are taken, and about an index that knows the target."""
    taken = [column for column in rows.columns if column.kind != "left out"]
    yield from _find_near_constant(taken)
    yield from _find_duplicates(taken)
    yield from _find_index_like(taken)
    yield from _find_groups(rows, taken)
    yield from _find_alone(rows)


def _find_near_constant(taken: Sequence[Taken]) -> Iterator[Finding]:
    found = []
    for column in taken:
        cells = np.asarray(column.words if column.kind == "category" else _known(column))
        # Of 100 neighbours two at most differ for each other value.
        if (cells[1:] != cells[:-1]).sum() > 2 * (1 - NEARLY) * len(cells) + 1:
            continue
        counts = np.unique(cells, return_counts=True)[1]
        if len(cells) and counts.max() >= NEARLY * len(cells):
            found.append(f"{column.name!r} ({counts.max() / len(cells):.1%} one value)")
    if found:
        yield Finding(
            code="near-constant",
            sentence=f"Columns are nearly constant: {list_some(found)}.",
            advice="Leave them out with drop, unless the rare rows matter.",
        )


def _known(column: Taken) -> Array:
    assert column.values is not None
    return known_of(column.values)


def _find_duplicates(taken: Sequence[Taken]) -> Iterator[Finding]:
    alike: dict[object, list[Taken]] = {}
    same: dict[object, list[str]] = {}
    for column in taken:
        start: object = column.words
        if column.values is not None:
            start = column.values[:_TOLD_BY].tobytes()
        alike.setdefault(start, []).append(column)
    for some in alike.values():
        for column in some if len(some) > 1 else ():
            content: object = column.words
            if column.values is not None:
                content = hashlib.blake2b(column.values.data).digest()
            same.setdefault(content, []).append(column.name)
    found = [" and ".join(map(repr, names)) for names in same.values() if len(names) > 1]
    if found:
        yield Finding(
            code="duplicate-columns",
            sentence=f"Columns hold the same: {list_some(found)}.",
            advice="Leave all but one out with drop; attacks and importances share what is one feature.",
        )


def _find_index_like(taken: Sequence[Taken]) -> Iterator[Finding]:
    found = []
    for column in taken:
        values = column.values
        if column.kind != "number" or values is None or np.isnan(values).any():
            continue
        named = looks_like_identifier(column.name) and len(np.unique(values)) == len(values)
        counts = (named or is_permutation(values)) and is_whole(values)
        if len(values) >= FEWEST and (counts or is_monotone(values)):
            found.append(repr(column.name))
    if found:
        yield Finding(
            code="index-like",
            sentence=f"Numbers that are never twice the same and go through the rows in order, count them or are named "
            f"as an identifier is: {list_some(found)}.",
            advice="If it is a number of the row, leave it out with drop; if it is a time, cut by it with order.",
        )


def _find_groups(rows: TableRows, taken: Sequence[Taken]) -> Iterator[Finding]:
    """Yield a finding where a column looks like the name of what several rows belong to."""
    if rows.options.group or rows.options.order:
        return
    found = []
    for column in taken:
        if looks_like_identifier(column.name):
            cells = column.words if column.kind == "category" else _known(column)
            distinct = len(set(cells)) if column.kind == "category" else len(np.unique(cells))
            if FEWEST < distinct <= len(cells) / 2:
                found.append((column.name, distinct))
    if found:
        words = [f"{name!r} ({count} different)" for name, count in found]
        yield Finding(
            code="groups",
            sentence=f"Rows seem to belong to groups that the cut tears apart: {list_some(words)}.",
            advice=f"Keep them together with {write_option('group', found[0][0])}, if new groups are what the model is for.",
        )


def _find_alone(rows: TableRows) -> Iterator[Finding]:
    """Yield a finding for each column that predicts the target by itself, an index left out among them."""
    rows = _some(rows)
    tested = ~rows.train
    if tested.sum() < FEWEST:
        return
    classes = rows.target.problem == "classification"
    targets = rows.target.values
    if classes and np.bincount(targets[tested]).max() > 0.95 * tested.sum():
        return
    word = "accuracy" if classes else "R2"
    untrained = counted(int(tested.sum()), "row that is", "rows that are") + " not for training"

    def score_alone(column: Taken) -> float | None:
        return _score_alone(column, targets, rows.train, classes=classes)

    scores = each_column(score_alone, rows.columns, len(targets))
    for column, score in zip(rows.columns, scores, strict=True):
        if score is None:
            continue
        runs = _runs(column, targets) if classes and column.kind == "left out" else None
        by_class = runs is not None and runs <= len(np.unique(targets)) + (1 - ALONE) * len(targets)
        if score < ALONE and not by_class:
            continue
        if column.kind == "left out":
            found = (
                f"in the order of {column.name!r}, which is left out, rows of one class follow each other: "
                f"{counted(len(targets), 'row')} in {counted(runs or 0, 'run')}"
                if by_class
                else f"{column.name!r}, which is left out, reaches {word} {score:.3f} alone on {untrained}"
            )
            yield Finding(
                code="index-decides",
                sentence=f"The order of the rows tells the target: {found}.",
                advice="Never give it to a model. Rows that are sorted by the target do no harm; if they are in the order "
                f"of time, test rows lie between those of training: cut with {write_option('order', column.name)}.",
                numbers={"score": score},
            )
        else:
            yield Finding(
                code="decides-alone",
                sentence=f"{column.name!r} alone predicts the target: {word} {score:.3f} on {untrained}.",
                advice="See whether it is known before the target is; if not, leave it out with "
                f"{write_option('drop', column.name)}.",
                numbers={"score": score},
                flag="one feature decides alone",
            )


def _some(rows: TableRows) -> TableRows:
    """Return at most `MOST_ROWS` rows, in their order, drawn by lot where there are more: what one column reaches is known of these."""
    count = len(rows.train)
    if count <= MOST_ROWS:
        return rows
    kept = np.sort(np.random.default_rng(0).choice(count, MOST_ROWS, replace=False))
    columns = []
    for column in rows.columns:
        values = None if column.values is None else column.values[kept]
        words = tuple(column.words[row] for row in kept.tolist()) if column.words else ()
        columns.append(replace(column, values=values, words=words))
    target = replace(rows.target, values=rows.target.values[kept])
    return replace(rows, target=target, train=rows.train[kept], columns=columns)


def _runs(column: Taken, targets: Array) -> int | None:
    """Return how often rows of one class follow each other without a break, in the order of a column."""
    if column.values is None or np.isnan(column.values).any():
        return None
    ordered = targets[np.argsort(column.values, kind="stable")]
    return 1 + int((ordered[1:] != ordered[:-1]).sum())


def _score_alone(column: Taken, targets: Array, train: Array, *, classes: bool) -> float | None:
    """Return accuracy or R2 of the answer that training gives most often, or on average, for each value; of a
    number to predict R2 of a straight line, where that is more.
    """
    if column.kind == "category":
        bins = np.unique(np.array(column.words), return_inverse=True)[1]
    elif column.values is not None and column.kind in ("number", "date", "flag", "left out"):
        values = column.values
        known = values[train & ~np.isnan(values)]
        if not len(known):
            return None
        edges = np.unique(np.quantile(known, np.linspace(0, 1, BINS + 1)[1:-1]))
        bins = np.where(
            np.isnan(values), len(edges) + 1, np.searchsorted(edges, values, side="right")
        )
    else:
        return None
    size = int(bins.max()) + 1
    learned, asked = bins[train], bins[~train]
    if classes:
        labels = int(targets.max()) + 1
        pairs = np.bincount(learned * labels + targets[train], minlength=size * labels)
        answers = pairs.reshape(size, labels).argmax(axis=1)
        return float((answers[asked] == targets[~train]).mean())
    counts = np.bincount(learned, minlength=size)
    mean = float(targets[train].mean())
    sums = np.bincount(learned, weights=targets[train] - mean, minlength=size)
    answers = sums / np.maximum(counts, 1)
    true = targets[~train] - mean
    spread = float(np.square(true - true.mean()).sum())
    if spread == 0:
        return None
    guesses = [answers[asked], *_straight_line(column, targets - mean, train)]
    with np.errstate(over="ignore"):  # a cell near the end of float64 is far from any target
        return max(1.0 - float(np.square(true - guess).sum()) / spread for guess in guesses)


def _straight_line(column: Taken, targets: Array, train: Array) -> list[Array]:
    """Return what the straight line of least squares answers, where a column is all numbers that vary."""
    if column.values is None or np.isnan(column.values).any():
        return []
    values = column.values - column.values[train].mean()
    size = float(np.square(values[train]).sum())
    if size == 0:
        return []
    slope = float((values[train] * targets[train]).sum()) / size
    return [slope * values[~train]]
