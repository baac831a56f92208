"""What a reader should know of the deviations by which columns and targets are scaled."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from harness.catalogue.counts import counted, list_some
from harness.catalogue.finding import Finding
from harness.data.data_findings import name_feature
from harness.data.input_files import Written
from harness.data.splits import TRAIN, Array
from harness.data.task import LoadedData, Task

SQUEEZED = 5.0  # times the deviation of all other values: those lie within a fifth of where scaling should put them
DOUBTFUL = 20.0  # times, from which on figures are doubtful: counts of people, in a table of counties, reach 9
FEW = 3  # training values that may be errors; of more than 3,000 a thousandth
NARROW = 0.1  # of the deviation; of normal numbers it is 1.35, of exponential ones 1.1
MOST_ROWS = 25_000  # that are looked at for long tails
OTHERS = 10  # different values beside them, without which there is no deviation to compare with


def find_scale(loaded: LoadedData, task: Task, written: Written, split: Array) -> Iterator[Finding]:
    """Yield a finding where a few training values decide the deviation by which a column of a table, or the target
    of a regression, is scaled: all others become nearly one, and are learnt slowly or not at all.
    """
    train = np.flatnonzero(split == TRAIN)
    if not task.modality_item.columns or len(train) <= FEW + OTHERS:
        return
    found = [
        (name_feature(task, column), one)
        for column in _suspects(task, written, train)
        if (one := few_decide(np.asarray(written.values[train, column], dtype=np.float64)))
    ]
    if (
        task.problem_item.real_targets
        and loaded.targets is not None
        and loaded.targets.ndim == 1
        and (one := few_decide(loaded.targets[train]))
    ):
        found.append(("the target", one))
    if not found:
        return
    words = [
        f"{name} ({counted(few, 'value')}, the farthest at {loaded.name_example(int(train[row]))}; "
        f"{times:,.0f} times the deviation of all others)"
        for name, (few, row, times) in found
    ]
    squeezed = max(times for _, (_, _, times) in found) >= DOUBTFUL
    yield Finding(
        code="few-decide-scale",
        sentence=f"A few of the {len(train):,} training values of a column decide the deviation by which it is scaled: "
        f"{list_some(words)}.",
        advice="See whether they are errors of measurement, and correct them or leave their rows out; else give the column "
        "on a logarithmic scale.",
        numbers={"columns": len(found)},
        flag="a few training values decide a column's scale" if squeezed else "",
    )


def find_squeezed(task: Task, stored: Array, split: Array) -> Iterator[Finding]:
    """Yield a finding where half of a column's training values lie so near one another, beside its deviation, that
    they are nearly one: long tails, of which no few values are the whole, as of incomes.
    """
    train = np.flatnonzero(split == TRAIN)[:MOST_ROWS]
    if not task.modality_item.columns or len(train) <= FEW + OTHERS:
        return
    found = []
    for column in np.flatnonzero(np.array(task.std) > 0).tolist():
        values = np.asarray(stored[train, column], dtype=np.float64)
        for end in (values.min(), values.max()):  # one that recurs is no tail, as -999 for missing
            values = values[values != end] if (values == end).sum() >= FEW else values
        if len(np.unique(values)) <= OTHERS:
            continue
        low, high = np.quantile(values, (0.25, 0.75))
        share = (high - low) / _deviation(values) if high > low else 1.0
        if share <= NARROW and not few_decide(values):
            found.append(f"{name_feature(task, column)} ({share:.1%})")
    if found:
        yield Finding(
            code="long-tails",
            sentence=f"The middle half of a column's training values spans less than {NARROW:.0%} of the deviation by "
            f"which it is scaled: {list_some(found)}.",
            advice="Give the column on a logarithmic scale: a net learns little of values that are nearly one.",
            numbers={"columns": len(found)},
        )


def few_decide(values: Array) -> tuple[int, int, float] | None:
    """Return how few values decide the deviation of all ``(n,)``, the place of the farthest, and how many times
    that of the others it is; None where no few do.
    """
    most = max(FEW, len(values) // 1000)
    nearest = np.argsort(np.abs(values - np.median(values)), kind="stable")
    whole = _deviation(values)
    for few in range(1, most + 1):
        others = values[nearest[:-few]]
        rest = _deviation(others)
        if 0 < SQUEEZED * rest <= whole and len(np.unique(others)) > OTHERS:
            return few, int(nearest[-1]), whole / rest
    return None


def _deviation(values: Array) -> float:
    largest = float(np.abs(values).max()) or 1.0  # the square of 1e300 is infinite
    return float((values / largest).std()) * largest


def _suspects(task: Task, written: Written, train: Array) -> list[int]:
    """Return the columns in which a value lies so far out that it and a few others could decide the deviation."""
    mean, std = np.array(task.mean), np.array(task.std)
    # Squares of all but k values are at most n s^2 / 25, so one of the k has the rest of n s^2 over k at least.
    share = (1 - 1 / SQUEEZED**2) / max(FEW, len(train) // 1000)

    def some(least: Array, most: Array) -> Array:
        farthest = np.maximum(np.abs(least - mean), np.abs(most - mean))
        return np.asarray((std > 0) & (farthest**2 >= 0.9 * share * len(train) * std**2))

    found = some(
        *written.extremes((0,))
    )  # of all rows, so that those of training are seldom gone through
    for column in np.flatnonzero(found).tolist():
        values = np.asarray(written.values[train, column], dtype=np.float64)
        found[column] = some(values.min(), values.max())[column]
    return list(np.flatnonzero(found))
