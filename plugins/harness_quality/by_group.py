"""Accuracy of groups of the test examples that a column tells apart, and of the worst one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from harness.api import Finding, MeasureContext, Metric
from harness.api.measuring import Share, difference_interval, proportion_metric, wilson
from harness.api.reporting import list_some
from harness_quality.evaluate import Array, classify, targets_of
from harness_quality.options import ByGroupOptions
from harness_quality.part_accuracy import FEWEST, worst_metric


def run(context: MeasureContext) -> Iterator[Metric]:
    """Yield `group_accuracy` of each group, `worst_group_accuracy`, and `group_gap` where there are several.

    A group is a word in a column; with `by_class` a word and a class, as in Sagawa et al. 2020 (arXiv:1911.08731), section 2. The worst
    one's interval is of the least of all groups' true accuracies (`worst_metric`). The gap, in points, is from the worst
    group to all other examples, with an interval for one pair that was chosen before: it is a little too narrow for
    the worst of many. Of many groups those with the lowest accuracy are yielded.

    Raises:
        NotApplicable: The data have no such column.
    """
    options = context.options
    assert isinstance(options, ByGroupOptions)
    words = context.column(options.column, "test")
    found = classify(context, context.split("test"), options.batch_size)
    if options.by_class:
        words = np.char.add(np.char.add(words, ", "), _classes(context, options.batch_size))
    names, group, counts = np.unique(words, return_inverse=True, return_counts=True)
    right = np.bincount(group, found.correct, minlength=len(names))
    shares = right / counts
    worst = np.argsort(shares, kind="stable")[: options.most].tolist()
    for place in sorted(worst, key=_in_order(names)):
        where = {"grouped_by": options.column, "subgroup": str(names[place])}
        yield proportion_metric("group_accuracy", shares[place], counts[place], where)
    yield worst_metric("worst_group_accuracy", shares, counts)
    if len(names) > 1:
        yield _gap(shares, counts, right)
    few = [repr(str(name)) for name in names[counts < FEWEST]]
    context.save_findings(_few(few, len(names), options.column))


def _in_order(names: Array) -> Callable[[int], Any]:
    """Return what groups are sorted by: numbers where all are such, so that 10 comes after 9, else words."""
    try:
        numbers = [float(name) for name in names]
    except ValueError:
        return lambda place: place
    return numbers.__getitem__


def _classes(context: MeasureContext, batch_size: int) -> Array:
    names = context.task.class_names or tuple(map(str, range(context.task.outputs)))
    return np.array(names)[targets_of(context, batch_size)]


def _gap(shares: Array, counts: Array, right: Array) -> Metric:
    worst = int(np.argmin(shares))
    others = int(counts.sum() - counts[worst])
    rest = float((right.sum() - right[worst]) / others)
    change, low, high = difference_interval(
        _with_interval(rest, others), _with_interval(float(shares[worst]), int(counts[worst]))
    )
    return Metric(
        name="group_gap", value=100 * change, low=100 * low, high=100 * high, n=int(counts.sum())
    )


def _with_interval(share: float, n: int) -> Share:
    return share, *wilson(share, n)


def _few(few: list[str], groups: int, column: str) -> Iterator[Finding]:
    if few:
        yield Finding(
            code="scarcely-tested-groups",
            sentence=f"Of {groups} groups of {column!r} there are {len(few)} with fewer than {FEWEST} test examples: "
            f"{list_some(few)}.",
            advice="Collect more examples of them before a figure of a single group decides.",
            numbers={"groups": len(few)},
        )
