"""Maps of what models are ranked by, over data sets and over recipes: which model does well where, at one look."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean

from harness.catalogue.counts import headed
from harness.catalogue.shown import HEADLINE
from harness.summary.chart_data import GridCell, GridChart, Scale
from harness.summary.figure import Figure
from harness.summary.report_data import Column, Row

FEWEST = 3  # data sets or recipes: two tables, or rows, beside each other are read as quickly


def map_data_sets(columns: Sequence[Column], rows: Sequence[Row]) -> Iterator[GridChart]:
    """Yield a map for each headline that several data sets share; models in the order of their mean place.

    rows: those of a data set in the order of its headline.
    """
    for column, mine in _by_headline(columns, rows):
        datasets = list(dict.fromkeys(row.dataset for row in mine))
        if len(datasets) >= FEWEST:
            figures = {(row.series, row.dataset): row.figures[HEADLINE] for row in mine}
            yield _map(column, figures, datasets, "data set", f"{len(datasets)} data sets")


def map_recipes(
    columns: Sequence[Column], rows: Sequence[Row], recipes: Sequence[str]
) -> Iterator[GridChart]:
    """Yield a map for each data set on which several architectures have several recipes, in the order of the suite.

    rows: as above. recipes: all names, in this order.
    """
    for column, mine in _by_headline(columns, rows):
        for dataset in dict.fromkeys(row.dataset for row in mine):
            models = [row for row in mine if row.dataset == dataset and not row.floor]
            figures = {(row.architecture, row.recipe): row.figures[HEADLINE] for row in models}
            across = sorted({row.recipe for row in models}, key=list(recipes).index)
            several = len({row.architecture for row in models}) > 1 and len(across) >= FEWEST
            if several and len(figures) == len(models):  # else another axis tells models apart, too
                yield _map(column, figures, across, "recipe", dataset)


def _by_headline(
    columns: Sequence[Column], rows: Sequence[Row]
) -> Iterator[tuple[Column, list[Row]]]:
    measured = [
        row
        for row in rows
        if HEADLINE in row.figures and math.isfinite(row.figures[HEADLINE].value)
    ]
    for column in columns:
        if column.key == HEADLINE:
            datasets = column.datasets
            yield column, [row for row in measured if not datasets or row.dataset in datasets]


def _map(
    column: Column,
    figures: Mapping[tuple[str, str], Figure],
    across: Sequence[str],
    what: str,
    dataset: str,
) -> GridChart:
    """Return the map of figures by row and column; of a column they come in the order of the headline."""
    places: dict[str, list[int]] = {name: [] for name, _ in figures}
    for place in across:
        for rank, name in enumerate(name for name, at in figures if at == place):
            places[name].append(rank)
    ordered = sorted(places, key=lambda name: fmean(places[name]))
    return GridChart(
        dataset=dataset,
        title=f"{headed(column.title)} by {what}",
        caption="Models in the order of their mean place.",
        x=Scale(title=what),
        y=Scale(title="models"),
        z=Scale(title=""),
        value=Scale(title=column.title, unit=column.unit, better=column.better),
        rows=tuple(ordered),
        columns=tuple(across),
        facets=("",),
        cells=tuple(
            GridCell(row=name, column=place, facet="", figure=figures[name, place])
            for name in ordered
            for place in across
            if (name, place) in figures
        ),
    )
