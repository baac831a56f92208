"""One colour and one shape for each architecture, the same in every chart and in the table; for each model where all are
of one architecture, and only the recipe or another axis tells them apart.

The colours stand in the page's style sheet, once for light and once for dark; here they are
numbers. They stay apart for colour-blind readers (after Okabe and Ito, 2008), and the shape says
the same again. What comes after the twelfth shares a grey, and is told apart where it is chosen to be seen alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import zip_longest

from harness.api.reporting import CurveChart, ReportData, ScatterChart
from harness_reports.layout import models_of, tables

SHAPES = (
    "circle",
    "square",
    "triangle-up",
    "diamond",
    "cross",
    "triangle-down",
    "triangle-right",
    "triangle-left",
    # Vega knows no more that are filled; paths lie between -1 and 1.
    "M-1-.6L-.6-1L0-.4L.6-1L1-.6L.4 0L1 .6L.6 1L0 .4L-.6 1L-1 .6L-.4 0Z",
    "M0-1L.3-.3L1 0L.3.3L0 1L-.3.3L-1 0L-.3-.3Z",
    "M-.9-1H.9L-.9 1H.9Z",
    "M-1-.9V.9L1-.9V.9Z",
)
GREY = f"c{len(SHAPES)}"  # the key of what has no colour of its own


@dataclass(frozen=True)
class Colouring:
    """The architectures, or models of one, that have a colour of their own, in the order of the palette, and the others."""

    names: tuple[str, ...]
    others: tuple[str, ...]
    architectures: Mapping[str, str]  # by the name of a series

    def architecture(self, series: str) -> str:
        """Return the architecture that a series of points is of, or what else has its colour."""
        return self.architectures.get(series, series)

    def index(self, architecture: str) -> int:
        """Return the place in the palette; the place after the last is grey."""
        return self.names.index(architecture) if architecture in self.names else len(SHAPES)

    def key(self, architecture: str) -> str:
        """Return a name for a chart's scale: never one that came from outside."""
        return f"c{self.index(architecture)}"

    def shape(self, architecture: str) -> str:
        """Return the symbol's name, or its path, in Vega."""
        return (*SHAPES, "circle")[self.index(architecture)]


def colouring(report: ReportData) -> Colouring:
    """Give colours to the best models of each data set in turn, and list them best first.

    Floors have none: charts draw them as lines, and their points, where one is drawn, take what is left.
    """
    shown = tables(report)
    rows = [models_of(table.rows) for table in shown]
    alone = len({row.architecture for mine in rows for row in mine}) == 1
    architectures = {
        row.series: row.series if alone and not row.floor else row.architecture
        for table in shown
        for row in table.rows
    }
    models = [[architectures[row.series] for row in mine] for mine in rows]
    names = tuple(
        dict.fromkeys(
            (
                *(name for table in models for name in table),
                *(architectures.get(series, series) for series in _drawn(report)),
            )
        )
    )
    turns = zip_longest(*models)
    best = dict.fromkeys(name for turn in turns for name in turn if name is not None)
    chosen = tuple(dict.fromkeys((*best, *names)))[: len(SHAPES)]
    return Colouring(
        names=tuple(name for name in names if name in chosen),
        others=tuple(name for name in names if name not in chosen),
        architectures=architectures,
    )


def _drawn(report: ReportData) -> list[str]:
    """Return the series of all lines and points."""
    return [
        point.series
        for chart in report.charts
        if isinstance(chart, CurveChart | ScatterChart)
        for point in chart.points
    ]
