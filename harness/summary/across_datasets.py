"""A map of models by data sets, of what models are ranked by: which model does well on which data, at one look."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from statistics import fmean

from harness.catalogue.counts import headed
from harness.catalogue.shown import HEADLINE
from harness.summary.chart_data import GridCell, GridChart, Scale
from harness.summary.report_data import Column, Row

FEWEST = 3  # data sets: two tables beside each other are read as quickly


def draw_across(columns: Sequence[Column], rows: Sequence[Row]) -> Iterator[GridChart]:
    """Yield a map for each headline that several data sets share; models in the order of their mean place on them."""
    datasets = list(dict.fromkeys(row.dataset for row in rows))
    for column in columns:
        mine = [name for name in datasets if name in (column.datasets or datasets)]
        found = {
            (row.series, row.dataset): row.figures[HEADLINE]
            for row in rows
            if row.dataset in mine
            and HEADLINE in row.figures
            and math.isfinite(row.figures[HEADLINE].value)
        }
        measured = [name for name in mine if any(at == name for _, at in found)]
        if column.key != HEADLINE or len(measured) < FEWEST:
            continue
        models = list(dict.fromkeys(series for series, _ in found))
        places: dict[str, list[int]] = {series: [] for series in models}
        for name in measured:
            best = [
                row.series for row in rows if (row.series, name) in found and row.dataset == name
            ]
            for place, series in enumerate(
                best
            ):  # rows of a data set are in the order of the headline
                places[series].append(place)
        ordered = sorted(models, key=lambda series: fmean(places[series]))
        yield GridChart(
            dataset=f"{len(measured)} data sets",
            title=f"{headed(column.title)} by data set",
            caption="Models in the order of their mean place.",
            x=Scale(title="data set"),
            y=Scale(title="models"),
            z=Scale(title=""),
            value=Scale(title=column.title, unit=column.unit, better=column.better),
            rows=tuple(ordered),
            columns=tuple(measured),
            facets=("",),
            cells=tuple(
                GridCell(row=series, column=name, facet="", figure=found[series, name])
                for series in ordered
                for name in measured
                if (series, name) in found
            ),
        )
