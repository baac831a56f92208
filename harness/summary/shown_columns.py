"""Which metrics of a run are shown in its tables and charts, and under which condition."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from typing import Any

from harness.catalogue.catalogue import Catalogue
from harness.catalogue.charts import MODELS, Chart, Curve, Grid
from harness.catalogue.counts import headed
from harness.catalogue.kinds import Measure
from harness.catalogue.shown import GRADED, Axes, Axis, Shown
from harness.catalogue.subjects import Problem
from harness.plan.search import SEARCH
from harness.summary.metric_rows import MetricRow

FIT_SECONDS = Shown(
    metric="fit_seconds",
    key="fit_seconds",
    title="fit time",
    better="lower",
    meaning="Seconds of training on one slot, beside other jobs; not to be compared closely.",
)
SEARCH_SECONDS = Shown(
    metric="search_core_seconds",
    key="search_core_seconds",
    title="search time",
    better="lower",
    meaning="Seconds of cores that the search for hyperparameters took, all of its trials; its seeds share it.",
)
OF_FITS = (FIT_SECONDS, SEARCH_SECONDS)
BESIDE_OTHERS = "trained while other jobs ran"
A_WIDE_RANGE = 100  # of an axis, on which equal steps are factors
MOST_COLUMNS = 6  # of one metric that holds for several things; more are a chart


def find_measure(catalogue: Catalogue, measure: str) -> Measure | None:
    """Return the item of a measure, by its name with options; None where no plugin provides it."""
    entry = catalogue.entries("measure").get(measure.partition(":")[0])
    return entry.item if entry is not None and isinstance(entry.item, Measure) else None


def axes_of(catalogue: Catalogue, measure: str) -> Axes:
    """Return what the metrics of a measure hold for."""
    item = find_measure(catalogue, measure)
    return Axes(() if item is None else item.axes)


def shown_metrics(catalogue: Catalogue, measure: str) -> dict[str, Shown]:
    """Return what a measure says of its metrics, by their names."""
    if measure == "fit":
        return {shown.metric: shown for shown in OF_FITS}
    return {shown.metric: shown for shown in shows_of(catalogue, find_measure(catalogue, measure))}


def shows_of(catalogue: Catalogue, item: Measure | None) -> list[Shown]:
    """Return what a measure shows, with the headlines of problems in the place of the word for them."""
    said = () if item is None else item.shows
    named = {shown.metric for shown in said}
    found: list[Shown] = []
    for shown in said:
        if GRADED not in shown.metric:
            found.append(shown)
            continue
        problems = (entry.item for entry in catalogue.entries("problem").values())
        graded = [one for one in problems if isinstance(one, Problem) and one.summed_up]
        found += [
            replace(
                shown,
                metric=shown.metric.replace(GRADED, one.headline),
                better=one.better,
                meaning=one.meaning,
                bounds=one.bounds,
                optional=True,
            )
            for one in graded
            if shown.metric.replace(GRADED, one.headline) not in named
        ]
    return found


def shown_columns(
    catalogue: Catalogue,
    measure: str,
    found: Sequence[MetricRow],
    claimed: Collection[str] = (),
) -> Sequence[Shown]:
    """Return a measure's columns: its own word, or one for each metric and what it holds for.

    claimed: metrics that a claim of the suite is about: each has a column, too, if it holds for nothing that tells its figures apart.
    """
    if measure == "fit":
        return [one for one in OF_FITS if any(row.name == one.metric for row in found)]
    if measure == SEARCH:
        return []  # what was tried is no figure of the model
    item = find_measure(catalogue, measure)
    if item is not None and item.shows:
        return [
            replace(shown, key=shown.key or f"{measure}/{shown.metric}")
            for shown in shows_of(catalogue, item)
            if shown.column or (shown.metric in claimed and _is_one_figure(shown.metric, found))
        ]
    axes, drawn = axes_of(catalogue, measure), _drawn(item)
    return [
        shown
        for name, mine in _by_name(found)
        for shown in _default_columns(measure, name, mine, axes)
        if name not in drawn or not shown.where
    ]


def _is_one_figure(metric: str, found: Sequence[MetricRow]) -> bool:
    return not any(one.where for one in found if one.name == metric)


def shown_charts(catalogue: Catalogue, measure: str, found: Sequence[MetricRow]) -> Sequence[Chart]:
    """Return a measure's charts: those that it declares, and one for what fits in no columns."""
    if measure == SEARCH:
        return list(_search_charts(found))
    item = find_measure(catalogue, measure)
    declared = () if item is None else item.charts
    if item is not None and item.shows:
        return declared
    axes, drawn = axes_of(catalogue, measure), _drawn(item)
    return [
        *declared,
        *(
            _default_chart(name, mine, axes)
            for name, mine in _by_name(found)
            if name not in drawn and not _default_columns(measure, name, mine, axes)
        ),
    ]


def pick(shown: Shown, found: Sequence[MetricRow]) -> list[MetricRow]:
    """Return the metrics of one column: one condition, the same for all."""
    chosen = [
        one
        for one in found
        if one.name == shown.metric
        and all(one.where.get(key) == value for key, value in shown.where.items())
    ]
    if shown.pick:
        key, which = shown.pick
        values = [one.where[key] for one in chosen if key in one.where]
        if values:
            wanted = {"first": values[0], "smallest": min(values), "largest": max(values)}
            chosen = [one for one in chosen if one.where.get(key) == wanted[which]]
    elif not shown.where:
        conditions = [one.where for one in chosen]
        chosen = [one for one in chosen if one.where == min(conditions, key=len)]
    return chosen


# -- what is shown of a metric of which its measure says nothing


def _drawn(item: Measure | None) -> set[str]:
    return set() if item is None else {name for chart in item.charts for name in chart.metrics}


def _by_name(found: Sequence[MetricRow]) -> Iterator[tuple[str, list[MetricRow]]]:
    names = dict.fromkeys(one.name for one in found)
    yield from ((name, [one for one in found if one.name == name]) for name in names)


def _conditions(found: Sequence[MetricRow], axes: Axes) -> list[dict[str, Any]]:
    """Return what a metric holds for, each once, without settings, which are the same for all."""
    conditions = {}
    for one in found:
        kept = {
            key: one.where[key]
            for axis in axes.of(one.where)
            if not axis.setting
            for key in axis.keys
            if key in one.where
        }
        conditions[json.dumps(kept, sort_keys=True)] = kept
    return list(conditions.values())


def _default_columns(
    measure: str, name: str, found: Sequence[MetricRow], axes: Axes
) -> list[Shown]:
    """Return a column for each condition; none where they are too many, or of several models."""
    found = [one for one in found if one.at[0] is not None]
    conditions = _conditions(found, axes)
    title, key = name.replace("_", " "), f"{measure}/{name}"
    if len(conditions) == 1:
        return [Shown(metric=name, key=key, title=title)]
    if not 0 < len(conditions) <= MOST_COLUMNS:
        return []
    return [
        Shown(
            metric=name,
            key="/".join([key, *axes.said(where)]),
            title=", ".join([title, *axes.said(where)]),
            where=where,
        )
        for where in conditions
    ]


def _search_charts(found: Sequence[MetricRow]) -> Iterator[Chart]:
    """Yield a chart of the losses of searches for each thing that these tell apart: the one setting, or the number of the trial."""
    for name in sorted({key for one in found for key in one.where}):
        mine = [one for one in found if name in one.where]
        chart = replace(
            _default_chart("validation_loss", mine, Axes(())),
            title=f"Searches, by {name.replace('_', ' ')}",
            caption="The loss on the validation examples after a trial of a search, by which the best is chosen.",
        )
        if isinstance(chart, Curve) and min(one.value for one in mine) > 0:
            chart = replace(chart, log=(*chart.log, "y"))  # the best are told apart, too
        yield chart


def _default_chart(name: str, found: Sequence[MetricRow], axes: Axes) -> Chart:
    """Return a curve over the numbers that most figures hold for, or else a grid."""
    values: dict[str, dict[str, Any]] = {}
    known: dict[str, Axis] = {}
    for one in found:
        for axis in axes.of(one.where):
            if not axis.setting:
                known[axis.name] = axis
                values.setdefault(axis.name, {})[axis.words(one.where)] = one.where[axis.name]
    several = [axis for axis in values if len(values[axis]) > 1] or list(values)
    several.sort(key=lambda axis: -len(values[axis]))
    title = headed(name.replace("_", " "))
    if any(one.at[0] is None for one in found):
        y, x, *rest = (*several, "", "")[: max(2, len(several))]
        return Grid(title=title, value=name, x=x, y=y, panel=tuple(filter(None, rest)))
    numbers = [axis for axis in several if _are_numbers(values[axis].values())]
    if numbers:
        x, rest = numbers[0], [axis for axis in several if axis != numbers[0]]
        log = ("x",) if _wants_log(values[x].values()) else ()
        return Curve(title=title, x=x, y=name, panel=tuple(rest), log=log)
    x, *rest = several
    return Grid(title=title, value=name, x=x, y=MODELS, panel=tuple(rest))


def _wants_log(values: Collection[float]) -> bool:
    return min(values) > 0 and max(values) >= A_WIDE_RANGE * min(values)


def _are_numbers(values: Any) -> bool:
    return all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
