"""Which metrics of a run are shown in its tables, and under which condition."""

from __future__ import annotations

from collections.abc import Sequence

from harness.catalogue.catalogue import Catalogue
from harness.catalogue.kinds import Measure, Shown
from harness.summary.metric_rows import MetricRow

FIT_SECONDS = Shown(
    metric="fit_seconds",
    key="fit_seconds",
    title="fit time",
    better="lower",
    meaning="Seconds of training on one slot, beside other jobs; not to be compared closely.",
)
BESIDE_OTHERS = "trained while other jobs ran"


def shown_columns(
    catalogue: Catalogue, measure: str, found: Sequence[MetricRow]
) -> Sequence[Shown]:
    """Return a measure's columns: its own word, or one for each metric that holds everywhere."""
    entry = catalogue.entries("measure").get(measure.partition(":")[0])
    if entry is not None and isinstance(entry.item, Measure) and entry.item.shows:
        return entry.item.shows
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
