"""What the metrics of a measure are called, as far as it says so: known before it runs."""

from __future__ import annotations

from collections.abc import Iterable

from harness.catalogue.catalogue import Catalogue
from harness.catalogue.item import Item
from harness.catalogue.kinds import Measure
from harness.catalogue.shown import GRADED
from harness.catalogue.subjects import Problem

FIT_METRICS = (
    "best_epoch",
    "fit_energy",
    "fit_energy_per_example",
    "fit_seconds",
    "search_core_seconds",
    "steps",
    "train_accuracy",
    "train_loss",
    "validation_accuracy",
    "validation_loss",
)
"""What fits yield, whatever is measured of them."""


def metric_names(catalogue: Catalogue, item: Measure) -> frozenset[str] | None:
    """Return the names of all metrics that a measure may yield; None where it does not say them."""
    if not item.shows and not item.yields:
        return None
    drawn = (name for chart in item.charts for name in chart.metrics)
    said = {*(shown.metric for shown in item.shows), *drawn, *item.yields}
    problems = [
        entry.item
        for entry in catalogue.entries("problem").values()
        if isinstance(entry.item, Problem)
    ]
    headlines = [one.headline for one in problems if one.summed_up]
    return frozenset((*_expanded(said, headlines), *_of_problems(problems)))


def may_yield(catalogue: Catalogue, item: Item, metric: str) -> bool:
    """Whether an item is a measure that says that it may yield a metric."""
    return isinstance(item, Measure) and metric in (metric_names(catalogue, item) or ())


def _expanded(names: Iterable[str], headlines: Iterable[str]) -> Iterable[str]:
    headlines = tuple(headlines)
    for name in names:
        if GRADED in name:
            yield from (name.replace(GRADED, one) for one in headlines)
        else:
            yield name


def _of_problems(problems: Iterable[Problem]) -> Iterable[str]:
    for one in problems:
        yield from (name for name, _ in one.beside)
        if one.of_classes is not None:
            yield one.of_classes[0]
