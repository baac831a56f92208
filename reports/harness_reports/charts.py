"""The charts of the HTML page as Vega-Lite specifications.

A chart names no colour: the page's script fills them in, for light or for dark. It draws the
palette's entries that ``usermeta.palette`` lists, and the marks' ``style`` for all else.
"""

from __future__ import annotations

from harness.api.reporting import ChartData, CurveChart, GridChart, ReportData
from harness_reports.colours import Colouring
from harness_reports.curve import draw_curve
from harness_reports.encodings import Drawing
from harness_reports.grid import draw_grid
from harness_reports.scatter import draw_scatter


def draw(report: ReportData, colours: Colouring) -> list[Drawing]:
    """Return the charts that the measures of a run declare, in their order."""
    return [_draw(chart, colours) for chart in report.charts]


def _draw(chart: ChartData, colours: Colouring) -> Drawing:
    if isinstance(chart, CurveChart):
        return draw_curve(chart, colours)
    if isinstance(chart, GridChart):
        return draw_grid(chart, colours)
    return draw_scatter(chart, colours)
