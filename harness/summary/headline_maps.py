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


def draw_headline_maps(columns: Sequence[Column], rows: Sequence[Row]) -> Iterator[GridChart]:
    """Yield a map for each headline that several data sets share, and for each data set on which several architectures have several
    recipes; models and architectures in the order of their mean place.

    rows: those of a data set in the order of its headline.
    """
    measured = [
        row
        for row in rows
        if HEADLINE in row.figures and math.isfinite(row.figures[HEADLINE].value)
    ]
    for column in columns:
        if column.key != HEADLINE:
            continue
        mine = [row for row in measured if row.dataset in (column.datasets or (row.dataset,))]
        datasets = list(dict.fromkeys(row.dataset for row in mine))
        if len(datasets) >= FEWEST:
            figures = {(row.series, row.dataset): row.figures[HEADLINE] for row in mine}
            yield _map(column, figures, datasets, "data set", f"{len(datasets)} data sets")
        for dataset in datasets:
            models = [row for row in mine if row.dataset == dataset and not row.floor]
            figures = {(row.architecture, row.recipe): row.figures[HEADLINE] for row in models}
            recipes = sorted({row.recipe for row in models})
            several = len({row.architecture for row in models}) > 1 and len(recipes) >= FEWEST
            if several and len(figures) == len(models):  # else another axis tells models apart, too
                yield _map(column, figures, recipes, "recipe", dataset)


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
