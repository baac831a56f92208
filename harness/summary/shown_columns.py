"""Which metrics of a run are shown in its tables, and under which condition."""

from __future__ import annotations

from collections.abc import Sequence

from harness.catalogue.catalogue import Catalogue
from harness.catalogue.kinds import Measure
from harness.catalogue.shown import Axes, Shown
from harness.summary.metric_rows import MetricRow

FIT_SECONDS = Shown(
    metric="fit_seconds",
    key="fit_seconds",
    title="fit time",
    better="lower",
    meaning="Seconds of training on one slot, beside other jobs; not to be compared closely.",
)
BESIDE_OTHERS = "trained while other jobs ran"


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
        return {FIT_SECONDS.metric: FIT_SECONDS}
    item = find_measure(catalogue, measure)
    return {} if item is None else {shown.metric: shown for shown in item.shows}


def shown_columns(
    catalogue: Catalogue, measure: str, found: Sequence[MetricRow]
) -> Sequence[Shown]:
    """Return a measure's columns: its own word, or one for each metric that holds everywhere."""
    if measure == "fit":
        return [FIT_SECONDS]
    item = find_measure(catalogue, measure)
    if item is not None and item.shows:
        return [shown for shown in item.shows if shown.column]
    return [
        Shown(metric=name, key=f"{measure}/{name}", title=name.replace("_", " "))
        for name in dict.fromkeys(one.name for one in found if not one.where)
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
