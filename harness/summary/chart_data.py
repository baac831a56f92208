"""Charts as a report is given them: points with their figures, in order, named as they are shown."""

from __future__ import annotations

import math
from dataclasses import dataclass

from harness.summary.figure import Figure


@dataclass(frozen=True, kw_only=True)
class Scale:
    """A direction of a chart, or what its colour stands for.

    title: for a reader. unit: of its values, as of `Column`. better: "higher", "lower" or "".
    log: whether it is logarithmic; all values are positive then.
    """

    title: str
    unit: str = ""
    better: str = ""
    log: bool = False


@dataclass(frozen=True, kw_only=True)
class CurvePoint:
    """A point of a line; x_text: its place as a person wrote it ("1/16")."""

    series: str
    x: float
    x_text: str
    y: Figure


@dataclass(frozen=True, kw_only=True)
class CurveChart:
    """Lines: the points of a series follow one another, with x rising.

    identity: y = x is a line, too. fitted: points of what a fit to a series says, which may go on beyond it.
    """

    dataset: str
    title: str
    caption: str
    x: Scale
    y: Scale
    points: tuple[CurvePoint, ...]
    identity: bool = False
    fitted: tuple[CurvePoint, ...] = ()
    kind: str = "curve"


@dataclass(frozen=True, kw_only=True)
class GridCell:
    """A square; facet, column: "" where the chart has one. beside: the figure that is told with it."""

    row: str
    column: str
    facet: str
    figure: Figure
    beside: Figure | None = None


@dataclass(frozen=True, kw_only=True)
class GridChart:
    """A table of squares for each facet.

    rows, columns, facets: their names in order. x, y, z: what columns, rows and facets are; value: what the
    squares are of. beside: what is told with them; None for nothing. margin: the name of a first row of
    another kind, behind which further ones may stand; "" for none. Rows and columns that name models bear the
    names of `Row.series`.
    """

    dataset: str
    title: str
    caption: str
    x: Scale
    y: Scale
    z: Scale
    value: Scale
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    facets: tuple[str, ...]
    cells: tuple[GridCell, ...]
    beside: Scale | None = None
    margin: str = ""
    kind: str = "grid"


@dataclass(frozen=True, kw_only=True)
class Told:
    """A further figure of a point, with what it is of."""

    scale: Scale
    figure: Figure


@dataclass(frozen=True, kw_only=True)
class ScatterPoint:
    """A point; label: the series with what else it holds for, condition: that alone ("batch 64")."""

    series: str
    condition: str
    label: str
    x: Figure
    y: Figure
    tells: tuple[Told, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Limit:
    """A line that no point should be above: y = min(most, slope * x). name: what it holds for."""

    name: str
    most: float
    slope: float


@dataclass(frozen=True, kw_only=True)
class LogitLine:
    """A line logit y = intercept + slope * logit x, both shares. name: what it holds for; "" where there is one."""

    name: str
    intercept: float
    slope: float

    def at(self, share: float) -> float:
        """Return y at a share x, 0 to 1."""
        share = min(max(share, 1e-6), 1 - 1e-6)
        logit = self.intercept + self.slope * math.log(share / (1 - share))
        return 1 / (1 + math.exp(-min(max(logit, -500.0), 500.0)))


@dataclass(frozen=True, kw_only=True)
class ScatterChart:
    """Points, and what bounds them. fits: lines that a fit expects them on. front: whether what is best in both directions is worth a line.

    floors: (name, figure in y) of what any point should be above, whatever its x. joined: whether the points of a condition are joined, in the
    order of x.
    """

    dataset: str
    title: str
    caption: str
    x: Scale
    y: Scale
    points: tuple[ScatterPoint, ...]
    limits: tuple[Limit, ...] = ()
    limit_scales: tuple[Scale, Scale] | None = None
    fits: tuple[LogitLine, ...] = ()
    front: bool = False
    floors: tuple[tuple[str, Figure], ...] = ()
    joined: bool = False
    kind: str = "scatter"


ChartData = CurveChart | GridChart | ScatterChart
