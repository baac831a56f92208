"""The charts of the fixed report, and of ones that are large or hostile. The figures are invented."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from harness.api.reporting import (
    ChartData,
    CurveChart,
    CurvePoint,
    Figure,
    GridCell,
    GridChart,
    Limit,
    Row,
    Scale,
    ScatterChart,
    ScatterPoint,
    Told,
)

EPSILONS = {
    "linf": ((1 / 32, "1/32"), (1 / 16, "1/16"), (1 / 8, "1/8")),
    "l2": ((0.5, "0.5"), (1.0, "1")),
}
FADING = {"resnet": 0.49, "lenet": 0.70, "vit": 1.18, "mixer": 1.05, "gru": 1.51, "mlp": 2.11}
SHIFTS = {"gaussian_noise": 0.035, "contrast": 0.028, "motion_blur": 0.055, "fog": 0.041}
SEVERITIES = (1, 3, 5)
ACCURACY = Scale(title="accuracy", unit="fraction", better="higher")
R2 = Scale(title="r²", better="higher")
RATE = Scale(title="throughput, batch 64", unit="1/s", better="higher", log=True)
THE_WORST = "Worst case over the attacks that were run, on the same examples at every epsilon."
SQUARES = "Each square is one shift at one severity, 1 (mild) to 5 (strong)."


def sample_charts(rows: Sequence[Row]) -> tuple[ChartData, ...]:
    """Return the charts of rows on digits and diabetes."""
    digits, diabetes = (
        {row.series: row.figures["headline"].value for row in rows if row.dataset == name}
        for name in ("digits", "diabetes")
    )
    return (
        *(trade_off(rows, dataset) for dataset in ("digits", "diabetes")),
        *(_attacked(digits, norm) for norm in EPSILONS),
        _shifted("digits", "Accuracy", ACCURACY, digits, SHIFTS),
        _shifted("diabetes", "R²", R2, diabetes, {"gaussian_noise": 0.03}),
    )


def estimate(value: float, arm: float, n: int) -> Figure:
    """Return a figure whose interval leans away from 100 %, as such intervals do near the end."""
    high = min(value + arm * (0.8 if value > 0.95 else 1.0), 1.0)
    return Figure(value=value, low=round(value - arm, 6), high=round(high, 6), n=n)


def trade_off(rows: Sequence[Row], dataset: str) -> ScatterChart:
    y = ACCURACY if dataset != "diabetes" else R2
    return ScatterChart(
        dataset=dataset,
        title=f"{y.title[:1].upper()}{y.title[1:]} against throughput",
        caption="The dashed step is the Pareto front.",
        x=RATE,
        y=y,
        points=tuple(
            ScatterPoint(
                series=row.series,
                condition="",
                label=row.series,
                x=row.figures["throughput"],
                y=row.figures["headline"],
            )
            for row in rows
            if row.dataset == dataset
        ),
        front=True,
    )


def _attacked(models: Mapping[str, float], norm: str) -> CurveChart:
    return CurveChart(
        dataset="digits",
        title=f"Accuracy under attack, {norm}",
        caption=THE_WORST,
        x=Scale(title="epsilon"),
        y=dataclasses.replace(ACCURACY, title="accuracy under attack"),
        points=tuple(_faded(models, norm)),
    )


def _faded(models: Mapping[str, float], norm: str) -> Iterator[CurvePoint]:
    for name, clean in models.items():
        for epsilon, text in ((0.0, "0"), *EPSILONS[norm]):
            scaled = epsilon * 16 if norm == "linf" else epsilon * 0.7
            accuracy = round(clean * math.exp(-FADING[name] * scaled), 4)
            arm = round(1.96 * math.sqrt(accuracy * (1 - accuracy) / 360), 4)
            yield CurvePoint(series=name, x=epsilon, x_text=text, y=estimate(accuracy, arm, 360))


def _shifted(
    dataset: str,
    name: str,
    value: Scale,
    models: Mapping[str, float],
    shifts: Mapping[str, float],
) -> GridChart:
    return GridChart(
        dataset=dataset,
        title=f"{name} under shift",
        caption=SQUARES,
        x=Scale(title="severity"),
        y=Scale(title="models"),
        z=Scale(title="shift"),
        value=value,
        rows=tuple(models),
        columns=tuple(map(str, SEVERITIES)),
        facets=tuple(shifts),
        cells=tuple(
            GridCell(
                row=model,
                column=str(severity),
                facet=shift,
                figure=estimate(
                    round(max(clean - slope * severity * (1 + FADING[model]) / 1.7, 0.1), 4),
                    0.02,
                    360,
                ),
            )
            for shift, slope in shifts.items()
            for model, clean in models.items()
            for severity in SEVERITIES
        ),
    )


def matrix(names: Sequence[str], **changes: Any) -> GridChart:
    """Return a matrix of models: half of what is right falls on the row's own, a tenth elsewhere."""
    clean = {"resnet": 0.99, "lenet": 0.95, "mlp": 0.9}
    rate = Figure(value=0.25, low=0.125, high=0.5, n=40)

    def cell(row: str, column: str) -> GridCell:
        factor = 0.5 if row == column else 0.9 if row in names else 1.0
        value = clean.get(column, 0.8) * factor
        return GridCell(
            row=row,
            column=column,
            facet="",
            figure=Figure(value=value, low=value - 0.03, high=value + 0.02, n=360),
            beside=rate if row != column and row in names else None,
        )

    margin = "(as they are)"
    chart = GridChart(
        dataset="digits",
        title="Transfer, pgd, linf 2/16",
        caption="Columns are judged on examples that were made on rows.",
        x=Scale(title="judged on"),
        y=Scale(title="made on"),
        z=Scale(title=""),
        value=ACCURACY,
        rows=(margin, *names),
        columns=tuple(names),
        facets=("",),
        cells=tuple(cell(row, column) for row in (margin, *names) for column in names),
        beside=Scale(title="transfer rate", unit="fraction"),
        margin=margin,
    )
    return dataclasses.replace(chart, **changes)


POINTS = {  # intensity in FLOP/B, achieved FLOP/s, share
    ("lenet", 1): (2.0, 5e9, 0.05),
    ("lenet", 64): (20.0, 1.5e11, 0.75),
    ("mlp", 64): (0.5, 3e10, 1.2),
}


def roofline(**changes: Any) -> ScatterChart:
    """Return points of two models below a limit that rises and is flat from 4 FLOP/B."""
    chart = ScatterChart(
        dataset="digits",
        title="Roofline of inference",
        caption="",
        x=Scale(title="arithmetic intensity", unit="FLOP/B", log=True),
        y=Scale(title="rate", unit="FLOP/s", better="higher", log=True),
        points=tuple(
            ScatterPoint(
                series=name,
                condition=f"batch {size}",
                label=f"{name}, batch {size}",
                x=Figure(value=x),
                y=Figure(value=y),
                tells=(Told(scale=Scale(title="share", unit="ratio"), figure=Figure(value=share)),),
            )
            for (name, size), (x, y, share) in POINTS.items()
        ),
        limits=(Limit(name="fp32, threads 2", most=2e11, slope=5e10),),
        limit_scales=(
            Scale(title="matrix rate", unit="FLOP/s"),
            Scale(title="bandwidth", unit="B/s"),
        ),
    )
    return dataclasses.replace(chart, **changes)


def large_charts(
    charts: Iterable[ChartData], like: str, names: Sequence[str]
) -> tuple[ChartData, ...]:
    """Return lines and maps in which every name has the points of one series."""
    return tuple(
        renamed
        for chart in charts
        if (renamed := _renamed(chart, like, {name: name for name in names})) is not None
    )


def hostile_charts(
    charts: Iterable[ChartData], like: str, names: Sequence[str]
) -> tuple[ChartData, ...]:
    """Return charts in which each text is one of the names."""
    script, markup, pipes, _, quote, _ = names
    said = {"dataset": script, "title": pipes, "caption": markup}
    found = []
    for chart in (*charts, matrix(names), roofline()):
        renamed = _renamed(chart, like, {name: name for name in names}) or chart
        scale = Scale(title=quote, unit="fraction")
        if isinstance(renamed, GridChart):
            renamed = dataclasses.replace(renamed, x=scale, y=scale, z=scale, value=scale)
        elif isinstance(renamed, CurveChart):
            points = (dataclasses.replace(p, x_text=f"{quote}{p.x}") for p in renamed.points)
            renamed = dataclasses.replace(renamed, x=scale, y=scale, points=tuple(points))
        else:
            limits = tuple(dataclasses.replace(one, name=script) for one in renamed.limits)
            points_ = (dataclasses.replace(p, series=markup, label=script) for p in renamed.points)
            renamed = dataclasses.replace(renamed, limits=limits, points=tuple(points_))
        found.append(dataclasses.replace(renamed, **said))
    return tuple(found)


def _renamed(chart: ChartData, like: str, names: Mapping[str, str]) -> ChartData | None:
    if isinstance(chart, CurveChart):
        points = [point for point in chart.points if point.series == like]
        copies = (dataclasses.replace(p, series=name) for name in names for p in points)
        return dataclasses.replace(chart, points=tuple(copies))
    if isinstance(chart, GridChart) and not chart.margin:
        cells = [cell for cell in chart.cells if cell.row == like]
        if not cells:
            return None
        copied = (dataclasses.replace(cell, row=name) for name in names for cell in cells)
        return dataclasses.replace(chart, rows=tuple(names), cells=tuple(copied))
    return None
