"""From the metrics of a run to the charts that its measures declare."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from harness.catalogue.catalogue import Catalogue
from harness.catalogue.charts import Chart, Curve, Grid, Scatter, Tradeoff
from harness.catalogue.counts import headed
from harness.catalogue.shown import Axes, Axis, Shown, fill_in
from harness.summary.chart_data import (
    ChartData,
    CurveChart,
    CurvePoint,
    GridCell,
    GridChart,
    Limit,
    LogitLine,
    Scale,
    ScatterChart,
    ScatterPoint,
    Told,
)
from harness.summary.chart_rows import ModelNames, Panel, gather
from harness.summary.figure import Figure
from harness.summary.metric_rows import MetricRow, RowKey
from harness.summary.report_data import Column, Row
from harness.summary.shown_columns import axes_of, shown_charts, shown_metrics


def draw_charts(
    catalogue: Catalogue,
    by_measure: Mapping[str, Sequence[MetricRow]],
    names: ModelNames,
    figure: Callable[[Sequence[MetricRow]], Figure],
    columns: Sequence[Column],
    rows: Sequence[Row],
) -> Iterator[ChartData]:
    """Yield the charts of each kind of measure, those with other options together.

    by_measure: the metrics of each measure of a run. figure: from metrics, one a seed, to what is shown. columns, rows:
    of the main table, which some charts are drawn from.
    """
    kinds: dict[str, dict[str, Sequence[MetricRow]]] = {}
    for measure, found in by_measure.items():
        kinds.setdefault(measure.partition(":")[0], {})[measure] = found
    for measures in kinds.values():
        charts: list[Chart] = []
        for measure, found in measures.items():
            wanted = shown_charts(catalogue, measure, found)
            charts += [chart for chart in wanted if chart not in charts]
        maker = ChartMaker(
            axes=axes_of(catalogue, next(iter(measures))),
            shows=shown_metrics(catalogue, next(iter(measures))),
            found=[one for found in measures.values() for one in found],
            names=names,
            figure=figure,
        )
        for chart in charts:
            if isinstance(chart, Tradeoff):
                yield from trade_off(chart, columns, rows)
            else:
                yield from maker.charts(chart)


@dataclass(frozen=True)
class ChartMaker:
    """What all charts of a measure are made with.

    found: the metrics of all measures of its name. shows: what is said of them. figure: from rows, one a
    seed, to what is shown.
    """

    axes: Axes
    shows: Mapping[str, Shown]
    found: Sequence[MetricRow]
    names: ModelNames
    figure: Callable[[Sequence[MetricRow]], Figure]

    def charts(self, chart: Chart) -> Iterator[ChartData]:
        """Yield the charts of a declaration, one for each data set and panel that has any point."""
        match chart:
            case Curve():
                yield from self._curves(chart)
            case Grid():
                yield from self._grids(chart)
            case Scatter():
                yield from self._scatters(chart)

    def scale(self, metric: str, log: bool = False) -> Scale:
        """Return what a metric is, for a direction of a chart."""
        shown = self.shows.get(metric, Shown(metric=metric))
        unit = next((one.unit for one in self.found if one.name == metric), "")
        title = shown.title.partition(",")[0] or metric.replace("_", " ")
        return Scale(title=title, unit=unit, better=shown.better, log=log)

    def axis(self, name: str) -> Scale:
        """Return what an axis is, for a direction of a chart."""
        axis = self.axes.get(name)
        return Scale(title=axis.title or name.replace("_", " "))

    # -- lines

    def _curves(self, chart: Curve) -> Iterator[CurveChart]:
        places = dict.fromkeys(chart.metrics, (chart.series, chart.x))
        for panels in gather(chart, self.found, places, self.axes, self.names):
            lines = [self._points(chart, panel) for panel in panels]
            fits = [self._points(chart, panel, of_fit=True) for panel in panels]
            if chart.of_several:
                lines = [_best_of(lines, lowest=chart.of_several == "lowest")]
            for panel, points, fitted in zip(panels, lines, fits, strict=False):
                order = panel.labels(0, self._axis(chart.series), self.names)
                ranked, expected = (
                    sorted(some, key=lambda point: (order.index(point.series), point.x))
                    for some in (points, fitted)
                )
                x, y = self.axis(chart.x), self.scale(chart.y, "y" in chart.log)
                if ranked:
                    yield CurveChart(
                        dataset=panel.dataset,
                        title=panel.title(chart, self.axes),
                        caption=chart.caption,
                        x=replace(x, log="x" in chart.log),
                        y=replace(y, title=chart.y_title or y.title),
                        points=tuple(ranked),
                        identity=chart.identity,
                        fitted=tuple(expected),
                    )

    def _points(self, chart: Curve, panel: Panel, of_fit: bool = False) -> list[CurvePoint]:
        points = []
        for (metric, (series, x_text)), rows in panel.cells.items():
            x = rows[0].where[chart.x]
            if isinstance(x, int | float) and (metric == chart.fitted) == of_fit:
                figure = self.figure(rows)
                points.append(CurvePoint(series=series, x=float(x), x_text=x_text, y=figure))
        return [
            point
            for point in points
            if math.isfinite(point.y.value)
            and ("x" not in chart.log or point.x > 0)
            and ("y" not in chart.log or point.y.value > 0)
        ]

    # -- squares

    def _grids(self, chart: Grid) -> Iterator[GridChart]:
        place = (chart.y, chart.x, chart.facet)
        places = {chart.value: place} | ({chart.beside: place} if chart.beside else {})
        for metric, name in chart.margins:
            places[metric] = (f"'{name}'", chart.x, chart.facet)
        for panels in gather(chart, self.found, places, self.axes, self.names):
            for panel in panels:
                if any(metric == chart.value for metric, _ in panel.cells):
                    yield self._grid(chart, panel)

    def _grid(self, chart: Grid, panel: Panel) -> GridChart:
        rows, columns, facets = (
            panel.labels(position, self._axis(name), self.names)
            for position, name in enumerate((chart.y, chart.x, chart.facet))
        )
        margins = tuple(name for _, name in chart.margins if name in rows)
        rows = (*margins, *(row for row in rows if row not in margins))
        cells = {
            (row, column, facet): GridCell(
                row=row, column=column, facet=facet, figure=self.figure(found)
            )
            for (metric, (row, column, facet)), found in panel.cells.items()
            if metric == chart.value or metric in dict(chart.margins)
        }
        return GridChart(
            dataset=panel.dataset,
            title=panel.title(chart, self.axes),
            caption=chart.caption,
            x=self.axis(chart.x),
            y=self.axis(chart.y),
            z=self.axis(chart.facet),
            value=self.scale(chart.value),
            rows=rows,
            columns=columns,
            facets=facets,
            cells=tuple(
                self._with_beside(chart, panel, cells[place])
                for place in ((r, c, f) for f in facets for r in rows for c in columns)
                if place in cells
            ),
            beside=self.scale(chart.beside) if chart.beside else None,
            margin=margins[0] if margins else "",
        )

    def _with_beside(self, chart: Grid, panel: Panel, cell: GridCell) -> GridCell:
        found = panel.cells.get((chart.beside, (cell.row, cell.column, cell.facet)))
        if not found:
            return cell
        return GridCell(
            row=cell.row,
            column=cell.column,
            facet=cell.facet,
            figure=cell.figure,
            beside=self.figure(found),
        )

    def _axis(self, name: str) -> Axis:
        return self.axes.get(name)

    # -- points

    def _scatters(self, chart: Scatter) -> Iterator[ScatterChart]:
        datasets: dict[str, list[tuple[ScatterPoint, Limit | None]]] = {}
        fits: dict[str, dict[str, LogitLine]] = {}
        spots: dict[tuple[RowKey, str | None, str], dict[str, list[MetricRow]]] = {}
        for one in self.found:
            if one.name in chart.metrics and _holds(one, chart):
                for key in self.names.keys(one):
                    place = (key, one.measure, json.dumps(one.where, sort_keys=True))
                    spots.setdefault(place, {}).setdefault(one.name, []).append(one)
        for (key, _, _), rows in spots.items():
            if rows.keys() >= {chart.x, chart.y, *(chart.ceiling or ())}:
                figures = {name: self.figure(found) for name, found in rows.items()}
                point = self._point(chart, key, rows[chart.x][0], figures)
                if _drawn(point, chart):
                    limit = self._limit(chart, key, rows[chart.x][0], figures)
                    datasets.setdefault(key.dataset, []).append((point, limit))
                    if chart.logit_fit is not None and rows.keys() >= set(chart.logit_fit):
                        ends = [figures[name].value for name in chart.logit_fit]
                        line = LogitLine(name=point.condition, intercept=ends[0], slope=ends[1])
                        fits.setdefault(key.dataset, {}).setdefault(line.name, line)
        for dataset, points in datasets.items():
            limits = dict.fromkeys(limit for _, limit in points if limit is not None)
            ceiling = chart.ceiling
            yield ScatterChart(
                dataset=dataset,
                title=chart.title,
                caption=chart.caption,
                x=self.scale(chart.x, "x" in chart.log),
                y=self.scale(chart.y, "y" in chart.log),
                points=tuple(point for point, _ in points),
                limits=tuple(limits),
                fits=tuple(fits.get(dataset, {}).values()),
                limit_scales=ceiling and (self.scale(ceiling[0]), self.scale(ceiling[1])),
                joined=chart.joined,
            )

    def _point(
        self, chart: Scatter, key: RowKey, one: MetricRow, figures: Mapping[str, Figure]
    ) -> ScatterPoint:
        series, condition = self.names.of(key), ", ".join(self.axes.said(one.where))
        return ScatterPoint(
            series=series,
            condition=condition,
            label=", ".join(filter(None, (series, condition))),
            x=figures[chart.x],
            y=figures[chart.y],
            tells=tuple(
                Told(scale=self.scale(name), figure=figures[name])
                for name in chart.tells
                if name in figures
            ),
        )

    def _limit(
        self, chart: Scatter, key: RowKey, one: MetricRow, figures: Mapping[str, Figure]
    ) -> Limit | None:
        if chart.ceiling is None:
            return None
        most, slope = (figures[name].value for name in chart.ceiling)
        settings = [axis for axis in self.axes.of(one.where) if axis.setting]
        words = [f"{axis.title or axis.name} {axis.words(one.where)}" for axis in settings]
        precision = str(one.where.get("precision", key.precision))
        return Limit(name=", ".join([precision, *words]), most=most, slope=slope)


def trade_off(
    chart: Tradeoff, columns: Sequence[Column], rows: Sequence[Row]
) -> Iterator[ChartData]:
    """Yield a chart for each data set whose rows have both columns."""
    datasets: dict[str, list[ScatterPoint]] = {}
    for row in rows:
        if chart.x in row.figures and chart.y in row.figures:
            point = ScatterPoint(
                series=row.series,
                condition="",
                label=row.series,
                x=row.figures[chart.x],
                y=row.figures[chart.y],
            )
            if _drawn(point, chart):
                datasets.setdefault(row.dataset, []).append(point)
    for dataset, points in datasets.items():
        x, y = (_column_scale(columns, key, dataset) for key in (chart.x, chart.y))
        if x is None or y is None:
            continue
        title = fill_in(chart.title, {"x": x.title, "y": y.title})
        yield ScatterChart(
            dataset=dataset,
            title=headed(title),
            caption=chart.caption,
            x=replace(x, log="x" in chart.log),
            y=replace(y, log="y" in chart.log),
            points=tuple(points),
            front=True,
            floors=tuple(
                (row.series, row.figures[chart.y])
                for row in rows
                if row.floor and row.dataset == dataset and chart.y in row.figures
            ),
        )


def _column_scale(columns: Sequence[Column], key: str, dataset: str) -> Scale | None:
    for column in columns:
        if column.key == key and (not column.datasets or dataset in column.datasets):
            return Scale(title=column.title, unit=column.unit, better=column.better)
    return None


def _holds(one: MetricRow, chart: Chart) -> bool:
    return all(one.where.get(key, value) == value for key, value in chart.where.items())


def _drawn(point: ScatterPoint, chart: Scatter | Tradeoff) -> bool:
    values: tuple[tuple[str, Any], ...] = (("x", point.x.value), ("y", point.y.value))
    return all(
        math.isfinite(value) and (value > 0 or name not in chart.log) for name, value in values
    )


def _best_of(lines: Sequence[Sequence[CurvePoint]], *, lowest: bool) -> list[CurvePoint]:
    """Return the lowest, or highest, of the points that stand at one place."""
    best: dict[tuple[str, str], CurvePoint] = {}
    for point in (point for line in lines for point in line):
        before = best.setdefault((point.series, point.x_text), point)
        if (point.y.value < before.y.value) == lowest and point.y.value != before.y.value:
            best[point.series, point.x_text] = point
    return list(best.values())
