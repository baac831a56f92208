"""The charts of the HTML page as Vega-Lite specifications.

A chart names no colour: the page's script fills them in, for light or for dark. It draws the
palette's entries that ``usermeta.palette`` lists, and the marks' ``style`` for all else.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any

import altair as alt

from harness.api.reporting import Column, DatasetInfo, Figure, ReportData, RobustPoint, ShiftPoint
from harness_reports import roofline, transfer
from harness_reports.colours import GREY, Colouring
from harness_reports.format import cell, column_unit, has_interval
from harness_reports.layout import Table, row_label

MOST_LABELS = 10
MOST_HEAT_ROWS = 40
FOCUSED = "focus == '' || datum.architecture == focus"


@dataclass(frozen=True)
class Drawing:
    """A chart with its words. wide: it asks for the page's full width."""

    title: str
    caption: str
    dataset: str
    spec: dict[str, Any]
    wide: bool = False


def draw(
    report: ReportData, shown: tuple[Table, ...], colours: Colouring
) -> tuple[list[Drawing], list[str]]:
    """Return the charts, and a sentence for each that its data leave out."""
    charts: list[Drawing] = []
    left_out: list[str] = []
    columns = {column.key: column for column in report.columns}
    for table in shown:
        chart = None
        if "headline" in columns and "throughput" in columns:
            chart = _tradeoff(table, columns["headline"], columns["throughput"], colours)
        if chart:
            charts.append(chart)
        else:
            left_out.append(f"{table.dataset.name}: no throughput was measured to set against it.")
    for (dataset, measure), records in roofline.collect(report, colours).items():
        charts.append(_roofline(dataset, measure, records, colours))
    infos = {table.dataset.name: table.dataset for table in shown}
    infos = {info.name: info for info in report.datasets} | infos
    for key in dict.fromkeys((point.dataset, point.norm) for point in report.robust):
        points = [point for point in report.robust if (point.dataset, point.norm) == key]
        charts.append(_robustness(points, key[0], key[1], colours))
    if not report.robust:
        left_out.append("No model was attacked, so there is no chart of accuracy under attack.")
    for matrix in transfer.matrices(report):
        charts.append(_transfer(matrix, colours))
    for dataset in dict.fromkeys(point.dataset for point in report.shifts):
        info = infos.get(dataset) or DatasetInfo(name=dataset, headline="accuracy", counts={})
        shifts = [point for point in report.shifts if point.dataset == dataset]
        charts.append(_shift_map(shifts, info, colours))
    if not report.shifts:
        left_out.append("No data were shifted, so there is no map of accuracy under shift.")
    return charts, left_out


def _tradeoff(
    table: Table, headline: Column, throughput: Column, colours: Colouring
) -> Drawing | None:
    dataset = table.dataset
    unit = column_unit(headline, dataset)
    records = []
    for row in table.rows:
        y, x = row.figures.get("headline"), row.figures.get("throughput")
        if x is None or y is None or not (x.value > 0 and math.isfinite(x.value)):
            continue
        if math.isfinite(y.value):
            records.append(
                {
                    "architecture": row.architecture,
                    "label": row_label(row, table.axes),
                    "key": colours.key(row.architecture),
                    **_ends("x", x),
                    **_ends("y", y),
                    "x_text": cell(x, throughput.unit),
                    "y_text": cell(y, unit),
                    "said": f"{row_label(row, table.axes)}: {cell(y, unit)}, {cell(x, '1/s')}",
                }
            )
    if not records:
        return None
    records.sort(key=_grey_first)
    name = headline.title if dataset.headline != "r2" else "r²"
    x_axis = alt.X(
        "x:Q",
        title=f"{throughput.title}, examples/s (log)",
        scale=alt.Scale(type="log", nice=False, padding=42),
        axis=alt.Axis(format="~s", tickCount=6, labelOverlap="greedy"),
    )
    y_axis = alt.Y(
        "y:Q", title=name, scale=alt.Scale(zero=False, nice=True, padding=8), axis=_axis(unit)
    )
    base = alt.Chart(alt.InlineData(values=records)).encode(
        color=_colour(records),
        opacity=_opacity(1.0),
        tooltip=_tooltip(name, "rate"),
        description="said:N",
    )
    front = _front(records, headline.better != "lower")
    layers: list[alt.Chart] = [
        alt.Chart(alt.InlineData(values=front))
        .mark_line(interpolate="step-before", style="front")
        .encode(x=x_axis, y=y_axis),
        base.mark_rule(strokeWidth=1.5).encode(x=x_axis, y=alt.Y("y_low:Q"), y2="y_high:Q"),
        base.mark_rule(strokeWidth=1.5).encode(x=alt.X("x_low:Q"), x2="x_high:Q", y=y_axis),
        base.mark_point(filled=True, size=95, opacity=1).encode(
            x=x_axis, y=y_axis, shape=_shape(records, colours)
        ),
    ]
    if len(records) <= MOST_LABELS:
        layers.append(
            base.mark_text(align="left", dx=9, dy=-9, style="label").encode(
                x=x_axis, y=y_axis, text="label:N"
            )
        )
    chart = alt.layer(*layers).properties(width="container", height=300)
    return Drawing(
        title=f"{name[:1].upper()}{name[1:]} against throughput",
        caption=f"{'Down' if headline.better == 'lower' else 'Up'} and to the right is better. Bars are 95 % intervals in both directions; the "
        "dashed step is the Pareto front: nothing that was measured is both better and faster.",
        dataset=dataset.name,
        spec=_spec(chart, records, f"{name} against throughput on {dataset.name}"),
    )


def _roofline(
    dataset: str, measure: str, records: list[dict[str, Any]], colours: Colouring
) -> Drawing:
    of = roofline.TITLES[measure]
    return Drawing(
        title=f"Roofline of {of}",
        caption="The line is the most that the machine reaches, by its memory's bandwidth on the "
        "slope and its matrix rate where it is flat: the nearer a model lies to it, the more of the "
        "machine it uses; over the slope, its tensors stay in a cache. Numbers are batch sizes.",
        dataset=dataset,
        spec=_spec(roofline.layers(records, colours), records, f"roofline of {of} on {dataset}"),
    )


def _robustness(points: list[RobustPoint], dataset: str, norm: str, colours: Colouring) -> Drawing:
    records: list[dict[str, Any]] = [
        {
            **_series(point.series, colours),
            **_ends("y", point.accuracy),
            "epsilon": point.epsilon,
            "epsilon_text": point.epsilon_text,
            "y_text": cell(point.accuracy, "fraction"),
            "said": f"{point.series} at {point.epsilon_text}: {cell(point.accuracy, 'fraction')}",
        }
        for point in sorted(points, key=lambda point: (point.series, point.epsilon))
        if math.isfinite(point.accuracy.value)
    ]
    records.sort(key=_grey_first)
    texts = {point.epsilon: point.epsilon_text for point in points}
    words = " : ".join(
        f"datum.value === {json.dumps(value)} ? {json.dumps(text)}" for value, text in texts.items()
    )
    x_axis = alt.X(
        "epsilon:Q",
        title=f"epsilon, {norm}",
        axis=alt.Axis(values=sorted(texts), labelExpr=f"{words} : datum.label"),
    )
    y_axis = alt.Y(
        "y:Q", title="accuracy under attack", scale=alt.Scale(domain=[0, 1]), axis=_axis("fraction")
    )
    base = alt.Chart(alt.InlineData(values=records)).encode(
        x=x_axis,
        color=_colour(records),
        detail="series:N",
        tooltip=_tooltip("accuracy", "epsilon"),
        description="said:N",
    )
    chart = alt.layer(
        base.mark_area(line=False)
        .encode(y=alt.Y("y_low:Q"), y2="y_high:Q", opacity=_opacity(0.14, 0.02))
        .transform_filter(alt.datum.key != GREY),
        base.mark_line(strokeWidth=2).encode(
            y=y_axis, opacity=_opacity(1.0), strokeDash=_dash(records)
        ),
        base.mark_point(filled=True, size=55, opacity=1).encode(
            y=y_axis, opacity=_opacity(1.0), shape=_shape(records, colours)
        ),
    ).properties(width="container", height=300)
    return Drawing(
        title=f"Accuracy under attack, {norm}",
        caption="Worst case over the attacks that were run, on the same examples at every epsilon; "
        "epsilon is in units of the data. Bands are 95 % intervals.",
        dataset=dataset,
        spec=_spec(chart, records, f"accuracy against epsilon in {norm} on {dataset}"),
    )


def _transfer(matrix: transfer.Matrix, colours: Colouring) -> Drawing:
    squares = transfer.records(matrix, colours)
    rest = len(matrix.columns) - transfer.MOST_MODELS
    more = f" {rest} models more are not drawn." if rest > 0 else ""
    return Drawing(
        title=f"Transfer of adversarial examples, {matrix.condition}",
        caption="Accuracy of each model (column) on adversarial examples that were made on each model "
        "(row); on the framed diagonal it is robust accuracy. The transfer rate: of the examples that both "
        "classified correctly and that then fooled the row, the share that fooled the column."
        + more,
        dataset=matrix.dataset,
        spec=_spec(
            transfer.heat_map(matrix, squares),
            [],
            f"transfer of adversarial examples, {matrix.condition} on {matrix.dataset}",
        ),
        wide=transfer.pixels(matrix) > 560,
    )


def _shift_map(points: list[ShiftPoint], info: DatasetInfo, colours: Colouring) -> Drawing:
    unit = "" if info.headline == "r2" else "fraction"
    name = "r²" if info.headline == "r2" else "accuracy"
    series = list(dict.fromkeys(point.series for point in points))
    names = series[:MOST_HEAT_ROWS]
    records: list[dict[str, Any]] = [
        {
            **_series(point.series, colours),
            "shift": point.shift,
            "severity": point.severity,
            "value": point.accuracy.value,
            "text": _short(point.accuracy.value, unit),
            "y_text": cell(point.accuracy, unit),
            "said": f"{point.series}, {point.shift} {point.severity}: {cell(point.accuracy, unit)}",
        }
        for point in points
        if point.series in names and math.isfinite(point.accuracy.value)
    ]
    values = [float(record["value"]) for record in records] or [0.0]
    middle = min(values) + 0.62 * (max(values) - min(values))  # where both inks read well
    base = alt.Chart(alt.InlineData(values=records)).encode(
        x=alt.X("severity:O", title="severity", axis=alt.Axis(labelAngle=0)),
        y=alt.Y("series:N", title=None, sort=names),
        tooltip=_tooltip(name, "shift"),
        description="said:N",
    )
    layers = alt.layer(
        base.mark_rect(cornerRadius=2).encode(
            color=alt.Color(
                "value:Q",
                scale=alt.Scale(domain=[min(values), max(values)], nice=False),
                legend=alt.Legend(
                    title=name,
                    orient="top",
                    direction="horizontal",
                    gradientLength=180,
                    format="~%" if unit else "~g",
                    tickCount=4,
                ),
            )
        ),
        base.mark_text(style="heat-low")
        .encode(text="text:N")
        .transform_filter(alt.datum.value < middle),
        base.mark_text(style="heat-high")
        .encode(text="text:N")
        .transform_filter(alt.datum.value >= middle),
    ).properties(width={"step": 36}, height={"step": 24})
    shifts = list(dict.fromkeys(point.shift for point in points))
    severities = len({point.severity for point in points})
    abreast = max(1, min(len(shifts), 26 // max(severities, 1)))
    chart = layers.facet(
        facet=alt.Facet("shift:N", title=None, sort=shifts), columns=abreast, spacing=18
    )
    rest = len(series) - len(names)
    more = f" Only the first {len(names)} of {len(series)} rows are drawn." if rest else ""
    return Drawing(
        title=f"{name[:1].upper()}{name[1:]} under shift",
        caption="Each square is one shift at one severity, 1 (mild) to 5 (strong)." + more,
        dataset=info.name,
        spec=_spec(chart, [], f"{name} by shift and severity on {info.name}"),
        wide=_heat_width(names, abreast, severities) > 560,
    )


def _front(records: list[dict[str, Any]], falling: bool) -> list[dict[str, float]]:
    """Return the corners of the Pareto front, slowest first."""
    sign = 1 if falling else -1
    front: list[dict[str, float]] = []
    for record in sorted(records, key=lambda record: (-record["x"], -sign * record["y"])):
        if not front or sign * record["y"] > sign * front[-1]["y"]:
            front.append({"x": record["x"], "y": record["y"]})
    return front[::-1]


def _heat_width(names: list[str], abreast: int, severities: int) -> int:
    """Return about how many pixels a map asks for, its labels included."""
    labels = min(190, 7 * max(map(len, names), default=0))
    return labels + abreast * (36 * severities + 18)


def _ends(axis: str, figure: Figure) -> dict[str, float | None]:
    known = has_interval(figure)
    low, high = (figure.low, figure.high) if known else (figure.value, figure.value)
    return {axis: figure.value, f"{axis}_low": low, f"{axis}_high": high}


def _series(series: str, colours: Colouring) -> dict[str, str]:
    architecture = colours.architecture(series)
    return {
        "architecture": architecture,
        "series": series,
        "label": series,
        "key": colours.key(architecture),
        "variant": series[len(architecture) :].strip() or "only",
    }


def _grey_first(record: dict[str, Any]) -> bool:
    """Order records so that those with a colour are drawn on top."""
    return bool(record["key"] != GREY)


def _keys(records: list[dict[str, Any]]) -> list[str]:
    return sorted({record["key"] for record in records})


def _colour(records: list[dict[str, Any]]) -> alt.Color:
    return alt.Color("key:N", scale=alt.Scale(domain=_keys(records)), legend=None)


def _shape(records: list[dict[str, Any]], colours: Colouring) -> alt.Shape:
    shapes = {record["key"]: colours.shape(record["architecture"]) for record in records}
    keys = _keys(records)
    scale = alt.Scale(domain=keys, range=[shapes[key] for key in keys])
    return alt.Shape("key:N", scale=scale, legend=None)


def _dash(records: list[dict[str, Any]]) -> Any:
    variants = list(dict.fromkeys(record["variant"] for record in records))
    if len(variants) < 2:
        return alt.value([1, 0])
    return alt.StrokeDash("variant:N", scale=alt.Scale(domain=variants), title=None)


def _opacity(full: float, faint: float = 0.12) -> Any:
    return alt.condition(FOCUSED, alt.value(full), alt.value(faint))


def _axis(unit: str) -> alt.Axis:
    return alt.Axis(format="~%" if unit == "fraction" else "~g", tickCount=6)


def _short(value: float, unit: str) -> str:
    return f"{value * 100:.0f}" if unit == "fraction" else f"{value:.2f}"


def _tooltip(name: str, extra: str) -> list[alt.Tooltip]:
    extras = {
        "rate": [alt.Tooltip("x_text:N", title="examples/s")],
        "epsilon": [alt.Tooltip("epsilon_text:N", title="epsilon")],
        "shift": [
            alt.Tooltip("shift:N", title="shift"),
            alt.Tooltip("severity:O", title="severity"),
        ],
    }
    return [
        alt.Tooltip("label:N", title="model"),
        alt.Tooltip("y_text:N", title=name),
        *extras[extra],
    ]


def _spec(chart: Any, records: list[dict[str, Any]], description: str) -> dict[str, Any]:
    """Return the specification without what altair adds of its own version and look."""
    palette = [int(key[1:]) for key in _keys(records)]
    chart = chart.add_params(alt.param(name="focus", value=""))
    spec: dict[str, Any] = chart.properties(
        description=description, usermeta={"palette": palette}
    ).to_dict()
    return {key: value for key, value in spec.items() if key not in ("$schema", "config")}
