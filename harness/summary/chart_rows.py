"""Which metrics a chart draws, and where each belongs: its panel, and its place in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from harness.catalogue.charts import MODELS, Chart
from harness.catalogue.shown import Axes, Axis, fill_in
from harness.plan.axes import CONDITION_AXES, ROW_AXES
from harness.summary.metric_rows import MetricRow, RowKey, RowKeys

Place = tuple[str, ...]  # labels, one for each axis of a chart
Cell = tuple[str, Place]  # a metric's name, and its place


class ModelNames:
    """What the models of a run are called, in the order of its rows."""

    def __init__(self, series: Mapping[RowKey, str], order: Sequence[str]) -> None:
        """Take the name of each row, and the order of names."""
        self._series = series
        self._rows = RowKeys(list(series))
        self._order = {name: place for place, name in enumerate(dict.fromkeys(order))}
        self._varying = [
            axis for axis in CONDITION_AXES if len({getattr(key, axis) for key in series}) > 1
        ]

    def keys(self, one: MetricRow) -> list[RowKey]:
        """Return the rows that a metric belongs to; none where it is about several models."""
        return list(self._rows.sort([one]))

    def of(self, key: RowKey) -> str:
        """Return the name of a row."""
        return self._series[key]

    def named(self, one: MetricRow, axis: Axis) -> str:
        """Return the name of the model that stands on an axis of models."""
        here = dict(zip(ROW_AXES, one.at, strict=True))
        here |= {
            "architecture": one.where[axis.name],
            "recipe": one.where.get(f"{axis.name}_recipe"),
        }
        for key, name in self._series.items():
            if all(value is None or getattr(key, at) == value for at, value in here.items()):
                return name
        return axis.words(one.where)

    def condition(self, one: MetricRow) -> str:
        """Return in what a metric of several models differs from others: "bf16", where rows do."""
        here = dict(zip(ROW_AXES, one.at, strict=True))
        return ", ".join(str(here[axis]) for axis in self._varying if here[axis] is not None)

    def sort(self, names: Sequence[str]) -> list[str]:
        """Return names in the order of the rows; what is no name of a model comes last."""
        return sorted(names, key=lambda name: self._order.get(name, len(self._order)))


@dataclass
class Panel:
    """The metrics of one chart.

    where: what all hold for, to fill in its title. cells: rows, one a seed, by metric and place. suffix: what
    else tells it from its neighbours. values: what stands behind a label, by the position of its axis.
    """

    dataset: str
    where: dict[str, Any]
    suffix: str
    cells: dict[Cell, list[MetricRow]] = field(default_factory=dict)
    values: dict[int, dict[str, Any]] = field(default_factory=dict)

    def title(self, chart: Chart, axes: Axes) -> str:
        """Return the chart's title, with what its words leave out of the panel."""
        unsaid = [
            axes.get(name).said(self.where)
            for name in chart.panel
            if not any("{" + key + "}" in chart.title for key in axes.get(name).keys)
        ]
        return ", ".join(filter(None, (fill_in(chart.title, self.where), *unsaid, self.suffix)))

    def labels(self, position: int, axis: Axis, names: ModelNames) -> tuple[str, ...]:
        """Return the labels of an axis: models in the order of rows, numbers rising, others as they came."""
        values = self.values.get(position, {})
        if axis.name == MODELS or axis.models:
            return tuple(names.sort(list(values)))
        if all(isinstance(value, int | float) for value in values.values()):
            return tuple(sorted(values, key=values.__getitem__))
        return tuple(values)


def gather(
    chart: Chart,
    found: Sequence[MetricRow],
    places: Mapping[str, tuple[str, ...]],
    axes: Axes,
    names: ModelNames,
) -> Iterator[list[Panel]]:
    """Yield the panels of a chart, each as a list with one for each measure that gives it.

    found: the metrics of measures of one kind. places: by metric, the axes of its place ("" for none, or a
    name in quotes, "'as they are'", for a label that is on no axis).
    """
    spots: dict[tuple[str, str], dict[tuple[str | None, ...], list[_Spot]]] = {}
    for one in found:
        if one.name in places and _fits(one, chart.where):
            panel = tuple(axes.get(name).words(one.where) or None for name in chart.panel)
            for spot in _spots(one, places[one.name], axes, names):
                here = spots.setdefault((spot.dataset, spot.suffix), {})
                here.setdefault(panel, []).append(spot)
    for (dataset, suffix), panels in spots.items():
        whole = [panel for panel in panels if None not in panel] or list(panels)
        for panel in whole:
            mine = [
                spot
                for other, some in panels.items()
                if all(value in (None, here) for value, here in zip(other, panel, strict=True))
                for spot in some
            ]
            keys = {key for name in chart.panel for key in axes.get(name).keys}
            first = next(iter(panels[panel])).one.where
            where = {key: value for key, value in first.items() if key in keys}
            yield _by_measure(mine, Panel(dataset, where, suffix))


@dataclass(frozen=True)
class _Spot:
    one: MetricRow
    dataset: str
    suffix: str
    place: Place
    values: tuple[Any, ...]


def _fits(one: MetricRow, where: Mapping[str, Any]) -> bool:
    return all(one.where.get(key, value) == value for key, value in where.items())


def _spots(
    one: MetricRow, wanted: tuple[str, ...], axes: Axes, names: ModelNames
) -> Iterator[_Spot]:
    """Yield where a metric belongs; nothing where it lacks an axis."""
    on_axes = [axes.get(name) for name in wanted if name not in ("", MODELS) and name[:1] != "'"]
    if any(axis.name not in one.where for axis in on_axes):
        return
    keys: list[RowKey | None] = [*names.keys(one)]
    if one.at[0] is None:
        keys = [None]
    for key in keys:
        if key is None and MODELS in wanted:
            continue
        labels, values = [], []
        for name in wanted:
            if name == MODELS and key is not None:
                label = value = names.of(key)
            elif name == "" or name[:1] == "'":
                label = value = name.strip("'")
            else:
                axis = axes.get(name)
                label = names.named(one, axis) if axis.models else axis.words(one.where)
                value = one.where[name]
            labels.append(label)
            values.append(value)
        suffix = names.condition(one) if key is None else ""
        if key is not None and MODELS not in wanted:
            suffix = names.of(key)  # a chart for each model
        dataset = str(one.at[1]) if key is None else key.dataset
        yield _Spot(one, dataset, suffix, tuple(labels), tuple(values))


def _by_measure(spots: Sequence[_Spot], empty: Panel) -> list[Panel]:
    """Return a panel for each measure; measures that share no place are one."""
    panels: list[Panel] = []
    by_measure: dict[str, list[_Spot]] = {}
    for spot in spots:
        by_measure.setdefault(str(spot.one.measure), []).append(spot)
    for measure, mine in by_measure.items():
        cells = {(spot.one.name, spot.place) for spot in mine}
        panel = next((panel for panel in panels if not cells & panel.cells.keys()), None)
        if panel is None:
            options = measure.partition(":")[2] if panels else ""
            suffix = ", ".join(filter(None, (empty.suffix, options)))
            panel = Panel(empty.dataset, empty.where, suffix)
            panels.append(panel)
        for spot in mine:
            panel.cells.setdefault((spot.one.name, spot.place), []).append(spot.one)
            for position, (label, value) in enumerate(zip(spot.place, spot.values, strict=True)):
                panel.values.setdefault(position, {}).setdefault(label, value)
    return panels
