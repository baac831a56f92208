"""Lines over an axis of numbers, with bands for their intervals."""

from __future__ import annotations

import json
import math

import altair as alt

from harness.api.reporting import CurveChart, CurvePoint, counted, list_some
from harness_reports.colours import GREY, Colouring
from harness_reports.encodings import (
    Drawing,
    Record,
    axis_format,
    axis_title,
    colour,
    dash,
    ends,
    finish,
    grey_first,
    log_ticks,
    of_model,
    opacity,
    shape,
)
from harness_reports.format import cell, doubt, doubts, has_interval

MOST_TICKS = 12  # that bear the text which the suite wrote


def draw_curve(chart: CurveChart, colours: Colouring) -> Drawing:
    """Return the chart for the page."""
    records: list[Record] = [
        {
            **of_model(point.series, colours),
            **_shown(ends("y", point.y), chart),
            "x": point.x,
            "x_text": point.x_text,
            "y_text": cell(point.y, chart.y.unit) + doubt(point.y),
            "said": f"{point.series} at {point.x_text}: {cell(point.y, chart.y.unit)}{doubt(point.y)}",
            **({"doubt": doubt(point.y)} if point.y.doubtful else {}),
        }
        for point in chart.points
        if _has_a_place(point, chart)
    ]
    records.sort(key=grey_first)
    marks = doubts(point.y for point in chart.points)
    bounds = alt.Scale(zero=False)
    y_axis = alt.Axis(format=axis_format(chart.y), tickCount=6)
    if chart.y.log:
        bounds = alt.Scale(type="log", nice=False, padding=10)
        if chart.y.unit != "fraction":
            y_axis = alt.Axis(format="~g", tickCount=6)
    elif chart.y.unit == "fraction":
        bounds = alt.Scale(domain=[0, _top(chart)])
    y = alt.Y("y:Q", title=axis_title(chart.y), scale=bounds, axis=y_axis)
    base = alt.Chart(alt.InlineData(values=records)).encode(
        x=_across(chart),
        color=colour(records),
        detail=alt.Detail("series:N"),
        tooltip=[
            alt.Tooltip("label:N", title="model"),
            alt.Tooltip("y_text:N", title=chart.y.title),
            alt.Tooltip("x_text:N", title=chart.x.title),
        ],
        description=alt.Description("said:N"),
    )
    layers = alt.layer(
        *([_identity(records)] if chart.identity and records else []),
        base.mark_area(line=False)
        .encode(y=alt.Y("y_low:Q"), y2=alt.Y2("y_high:Q"), opacity=opacity(0.14, 0.02))
        .transform_filter(alt.datum.key != GREY),
        *([_fitted(chart, records, colours, y)] if chart.fitted else []),
        base.mark_line(strokeWidth=2).encode(y=y, opacity=opacity(1.0), strokeDash=dash(records)),
        base.mark_point(filled=True, size=55, opacity=1).encode(
            y=y, opacity=opacity(1.0), shape=shape(records, colours)
        ),
        *(
            [
                base.mark_text(dy=-11, style="label")
                .encode(y=y, text=alt.Text("doubt:N"))
                .transform_filter(alt.datum.doubt)
            ]
            if marks
            else []
        ),
    ).properties(width="container", height=300)
    return Drawing(
        title=chart.title,
        caption=" ".join(
            filter(
                None,
                (
                    chart.caption,
                    "Dashed is what a fit says." if chart.fitted else "",
                    "Bands are 95 % intervals." if any(map(_has_band, chart.points)) else "",
                    _left_out(chart),
                    marks,
                ),
            )
        ),
        dataset=chart.dataset,
        spec=finish(layers, records, f"{chart.title} on {chart.dataset}"),
    )


def _has_band(point: CurvePoint) -> bool:
    return has_interval(point.y)


def _left_out(chart: CurveChart) -> str:
    """Say which points have no place on a logarithmic axis; "" where all have one."""
    missing = [
        point.series
        for point in chart.points
        if math.isfinite(point.y.value) and not _has_a_place(point, chart)
    ]
    if not missing:
        return ""
    of = list_some(list(dict.fromkeys(missing)))
    return f"Without {counted(len(missing), 'point')} of {of}: a logarithmic axis has no 0."


def _across(chart: CurveChart) -> alt.X:
    """Return the axis of x; where a fit goes on beyond the points, so does it."""
    scale = alt.Scale(type="log", nice=False, padding=12) if chart.x.log else alt.Scale()
    return alt.X("x:Q", title=axis_title(chart.x), axis=_ticks(chart), scale=scale)


def _has_a_place(point: CurvePoint, chart: CurveChart) -> bool:
    """Whether a point is on the axes: finite, and above 0 where they are logarithmic."""
    return math.isfinite(point.y.value) and all(
        value > 0 or not scale.log
        for value, scale in ((point.x, chart.x), (point.y.value, chart.y))
    )


def _shown(found: dict[str, float | None], chart: CurveChart) -> dict[str, float | None]:
    """Return a figure's ends; on a logarithmic axis an interval that reaches 0 ends at half of the least figure."""
    if not chart.y.log:
        return found
    least = min(point.y.value for point in chart.points if _has_a_place(point, chart)) / 2
    return {key: value if value is None else max(value, least) for key, value in found.items()}


def _fitted(chart: CurveChart, records: list[Record], colours: Colouring, y: alt.Y) -> alt.Chart:
    """Return what a fit to each series says, dashed."""
    values = [
        {**of_model(point.series, colours), "x": point.x, "y": point.y.value}
        for point in chart.fitted
        if _has_a_place(point, chart)
    ]
    drawn: alt.Chart = (
        alt.Chart(alt.InlineData(values=values))
        .mark_line(strokeDash=[4, 4], strokeWidth=1.5)
        .encode(
            x=_across(chart),
            y=y,
            color=colour(records),
            detail=alt.Detail("series:N"),
            opacity=opacity(0.8),
            tooltip=alt.TooltipValue(None),
        )
    )
    return drawn


def _top(chart: CurveChart) -> float:
    """Return where the axis of shares ends: at 1; of errors that are all small, a little above their intervals."""
    ends = [point.y.value if point.y.high is None else point.y.high for point in chart.points]
    most = max(filter(math.isfinite, ends), default=1.0)
    if chart.y.better != "lower" or not 0 < most <= 0.5:
        return 1.0
    step = 10.0 ** math.floor(math.log10(most)) / 2
    return round(math.ceil(most / step - 1e-9) * step, 12)  # Vega adds a tick for any more


def _identity(records: list[Record]) -> alt.Chart:
    """Return the line y = x over the range of x."""
    places = [record["x"] for record in records]
    ends = [{"x": place, "y": place} for place in (min(places), max(places))]
    line = alt.Chart(alt.InlineData(values=ends)).mark_line(strokeDash=[4, 4], color="#888888")
    drawn: alt.Chart = line.encode(x=alt.X("x:Q"), y=alt.Y("y:Q"), tooltip=alt.TooltipValue(None))
    return drawn


def _ticks(chart: CurveChart) -> alt.Axis:
    """Return ticks at the points, in the words of the suite; where they are many, as Vega likes."""
    texts = {point.x: point.x_text for point in chart.points if _has_a_place(point, chart)}
    if chart.x.log and texts:
        return alt.Axis(format="~g", values=log_ticks(min(texts), max(texts)))
    if len(texts) > MOST_TICKS:
        return alt.Axis(format="~r", tickCount=6)
    words = " : ".join(
        f"datum.value === {json.dumps(value)} ? {json.dumps(text)}" for value, text in texts.items()
    )
    return alt.Axis(values=sorted(texts), labelExpr=f"{words} : datum.label")
