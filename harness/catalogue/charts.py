"""Charts that a measure declares: plain frozen data, which every report draws in its own way.

A chart names metrics of its measure and axes of `Metric.where`; nothing in it says how it is drawn. A model is
named as in the tables.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

MODELS = "models"  # in place of an axis: the models that were measured


@dataclass(frozen=True, kw_only=True)
class Chart:
    """What all charts have; use one of its kinds.

    title: {fields} of `Metric.where` may stand in it. caption: how a reader should take it.
    panel: axes, with a chart for each of their values; there is one for each data set anyway. A metric that
        lacks such an axis holds for all of its values.
    where: of metrics that have these axes, only those that hold there.
    """

    title: str
    caption: str = ""
    panel: tuple[str, ...] = ()
    where: Mapping[str, Any] = field(default_factory=dict)

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metrics that it draws."""
        return ()


@dataclass(frozen=True, kw_only=True)
class Curve(Chart):
    """A metric over an axis of numbers, with a line for each model.

    x: the axis. y: the metric; also: others that are points of the same line, such as one at x = 0.
    y_title: what the line is of; "" is the metric's title.
    series: the axis that has a line for each value. of_several: "lowest" or "highest", where measures of
        one kind (with other options) may give the same point; "": each has a chart.
    identity: whether a line y = x is drawn too, on which the two agree.
    log: those of "x" and "y" whose scale is logarithmic; points that are not positive are left out.
    fitted: a metric that is what a fit over the points of a series says, over the same axis and beyond; a dashed line.
    """

    x: str
    y: str
    also: tuple[str, ...] = ()
    y_title: str = ""
    series: str = MODELS
    of_several: str = ""
    identity: bool = False
    log: tuple[str, ...] = ()
    fitted: str = ""

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metrics that it draws."""
        return (self.y, *self.also, *filter(None, (self.fitted,)))


@dataclass(frozen=True, kw_only=True)
class Grid(Chart):
    """A metric as a table of squares: a matrix, or a map.

    value: the metric. x, y: the axes of columns and rows; x "" is one column. facet: an axis with a table
        for each value, side by side. beside: another metric, told of each square.
    margins: (metric, name) of first rows that are on no axis, such as what holds for unchanged examples.
    """

    value: str
    x: str = ""
    y: str = MODELS
    facet: str = ""
    beside: str = ""
    margins: tuple[tuple[str, str], ...] = ()

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metrics that it draws."""
        return (self.value, *dict(self.margins), *filter(None, (self.beside,)))


@dataclass(frozen=True, kw_only=True)
class Scatter(Chart):
    """Two metrics against each other, with a point for each model and whatever else they hold for.

    x, y: the metrics. log: those of "x" and "y" whose scale is logarithmic; points that are not positive are
        left out. tells: metrics that are told of each point.
    ceiling: (metric, metric): the most that y can be, and the most that y / x can be, as lines.
    logit_fit: (metric, metric): intercept and slope of a line logit y = intercept + slope * logit x, for shares, on which
        points are that are no better or worse than a fit expects; one for each thing that they hold for.
    joined: the points that hold for the same are joined over the models, by a line with its name: how it grows is the message.
    """

    x: str
    y: str
    log: tuple[str, ...] = ()
    tells: tuple[str, ...] = ()
    ceiling: tuple[str, str] | None = None
    logit_fit: tuple[str, str] | None = None
    joined: bool = False

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metrics that it draws."""
        return (self.x, self.y, *self.tells, *(self.ceiling or ()), *(self.logit_fit or ()))


@dataclass(frozen=True, kw_only=True)
class Tradeoff(Chart):
    """Two columns of the main table against each other, a point a row, with the Pareto front.

    x, y: keys of columns, of this measure or another ("headline" is what models are ranked by); where the
    table has only one of them there is no chart. log: as of `Scatter`. {x} and {y} in the title are the
    titles of the columns.
    """

    x: str
    y: str = "headline"
    log: tuple[str, ...] = ()
