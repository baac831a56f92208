"""Charts as tables of numbers, for reports that are text."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from harness.api.reporting import (
    ChartData,
    CurveChart,
    Figure,
    GridChart,
    ReportData,
    Scale,
    ScatterChart,
    headed,
)
from harness_reports.format import cell, doubt, doubts, has_interval, quantity, titled


@dataclass(frozen=True)
class ChartTable:
    """A chart's numbers.

    corner: what the rows are. columns: their headers, each with the group that it stands in ("" for none).
    rows: a name and its cells. caption: how to take the chart; figures: what the cells are, and how wide their
    intervals are at most.
    """

    dataset: str
    title: str
    caption: str
    figures: str
    corner: str
    columns: tuple[tuple[str, str], ...]
    rows: tuple[tuple[str, tuple[str, ...]], ...]


def chart_tables(report: ReportData) -> tuple[ChartTable, ...]:
    """Return the charts of a run whose figures do not stand in its main table already."""
    return tuple(table for chart in report.charts if (table := _table(chart)) is not None)


def _table(chart: ChartData) -> ChartTable | None:
    if isinstance(chart, CurveChart):
        return _curve(chart)
    if isinstance(chart, GridChart):
        return _grid(chart)
    return None if chart.front else _scatter(chart)


def _curve(chart: CurveChart) -> ChartTable:
    places = {point.x: point.x_text for point in chart.points}
    figures = {(point.series, point.x): point.y for point in chart.points}
    series = dict.fromkeys(point.series for point in chart.points)
    return ChartTable(
        dataset=chart.dataset,
        title=chart.title,
        caption=chart.caption,
        figures=_describe(chart.y, figures.values()),
        corner="model",
        columns=tuple((chart.x.title, places[x]) for x in sorted(places)),
        rows=tuple(
            (name, tuple(_cell(figures.get((name, x)), chart.y) for x in sorted(places)))
            for name in series
        ),
    )


def _grid(chart: GridChart) -> ChartTable:
    figures = {(one.row, one.column, one.facet): one.figure for one in chart.cells}
    columns = [(facet, column) for facet in chart.facets for column in chart.columns]
    shown = [(facet, column or chart.value.title) for facet, column in columns]
    if len(chart.facets) == 1 and chart.x.title and not chart.facets[0]:
        shown = [(chart.x.title, column) for _, column in columns]
    return ChartTable(
        dataset=chart.dataset,
        title=chart.title,
        caption=chart.caption,
        figures=_describe(chart.value, figures.values()),
        corner="model" if chart.y.title == "models" else chart.y.title,
        columns=tuple(shown),
        rows=tuple(
            (
                name,
                tuple(
                    _cell(figures.get((name, column, facet)), chart.value)
                    for facet, column in columns
                ),
            )
            for name in chart.rows
        ),
    )


def _scatter(chart: ScatterChart) -> ChartTable:
    scales = [chart.x, chart.y]
    told = {one.scale.title: one.scale for point in chart.points for one in point.tells}
    rows = []
    for point in chart.points:
        more = {one.scale.title: one.figure for one in point.tells}
        cells = [_cell(point.x, chart.x), _cell(point.y, chart.y)]
        cells += [_cell(more.get(title), scale) for title, scale in told.items()]
        rows.append((point.label, tuple(cells)))
    return ChartTable(
        dataset=chart.dataset,
        title=chart.title,
        caption=chart.caption,
        figures=" ".join(
            [
                *(f"{words}." for words in (*limits(chart), *fits(chart))),
                *filter(None, [doubts(scatter_figures(chart))]),
            ]
        ),
        corner="model",
        columns=tuple(("", titled(scale)) for scale in (*scales, *told.values())),
        rows=tuple(rows),
    )


def scatter_figures(chart: ScatterChart) -> list[Figure]:
    """Return all figures of a chart."""
    return [
        figure
        for point in chart.points
        for figure in (point.x, point.y, *(one.figure for one in point.tells))
    ]


def limits(chart: ScatterChart) -> list[str]:
    """Return the limits of a chart in words: "Matrix rate 2.79 GFLOP/s, bandwidth 10.4 GB/s (fp32)"."""
    if chart.limit_scales is None:
        return []
    most, slope = chart.limit_scales
    return [
        f"{headed(most.title)} {quantity(limit.most, most.unit)}, {slope.title} "
        f"{quantity(limit.slope, slope.unit)} ({limit.name})"
        for limit in chart.limits
    ]


def fits(chart: ScatterChart) -> list[str]:
    """Return the lines that a fit expects points on, in words."""
    return [
        f"The fit{' ' if line.name else ''}{line.name}: logit y = {line.intercept:.2f} "
        f"{'-' if line.slope < 0 else '+'} {abs(line.slope):.2f} logit x"
        for line in chart.fits
    ]


def without_repeats(columns: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return headers that name a group once, above the first of its columns."""
    before = [("", ""), *columns]
    return [
        ("" if group == last else group, name)
        for (group, name), (last, _) in zip(columns, before, strict=False)
    ]


def said_once(tables: Iterable[ChartTable]) -> Iterator[tuple[ChartTable, str]]:
    """Yield tables with the words below them; a caption that was said before is left out."""
    said: set[str] = set()
    for table in tables:
        words = table.figures if table.caption in said else f"{table.figures} {table.caption}"
        said.add(table.caption)
        yield table, words.strip()


def _cell(figure: Figure | None, scale: Scale) -> str:
    return cell(figure, scale.unit, interval=False) + doubt(figure)


def _describe(scale: Scale, figures: Collection[Figure]) -> str:
    """Return what figures are and how wide their intervals are at most."""
    arms = [
        max(figure.value - figure.low, figure.high - figure.value)
        for figure in figures
        if has_interval(figure) and figure.low is not None and figure.high is not None
    ]
    parts = [f"{headed(titled(scale))}."]
    if arms:
        points = " points" if scale.unit == "fraction" else ""
        parts.append(f"95 % intervals reach {quantity(max(arms), scale.unit)}{points} at most.")
    return " ".join(filter(None, (*parts, doubts(figures))))
