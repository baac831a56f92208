"""Points of two figures: with their Pareto front, or below the limits that bound them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import altair as alt

from harness.api.reporting import Figure, Scale, ScatterChart
from harness_reports.chart_tables import limits, scatter_figures
from harness_reports.colours import GREY, Colouring
from harness_reports.encodings import (
    MOST_LABELS,
    Drawing,
    Record,
    axis_format,
    axis_title,
    colour,
    ends,
    finish,
    grey_first,
    log_ticks,
    of_model,
    opacity,
    positive,
    shape,
)
from harness_reports.format import cell, doubt, doubts, plain

WIDTH, HEIGHT, MARGIN = 440, 220, 40  # pixels, about: of the points, and free beside them
LETTER, LINE, GAP = 7, 13, 9  # of text, and between it and its point
SIDES: tuple[tuple[Literal["left", "right"], int], ...] = (("left", GAP), ("right", -GAP))
FIT_STEPS = 40  # pieces of a line that is straight in logits alone


def draw_scatter(chart: ScatterChart, colours: Colouring) -> Drawing:
    """Return the chart for the page."""
    records = [record for record in _records(chart, colours) if record is not None]
    records.sort(key=grey_first)
    records = _named_apart(records, chart)
    corners = _corners(chart, records)
    x, y = (
        alt.X("x:Q", **_direction("x", chart.x, records, corners)),
        alt.Y("y:Q", **_direction("y", chart.y, records, corners)),
    )
    base = alt.Chart(alt.InlineData(values=records)).encode(
        color=colour(records),
        opacity=opacity(1.0),
        tooltip=[
            alt.Tooltip(f"{field}:N", title=title)
            for field, title in [("label", "model"), *_told(chart)]
        ],
        description=alt.Description("said:N"),
    )
    layers: list[alt.Chart] = []
    if corners:
        layers += _limit_layers(corners, x, y)
    if chart.fits and records:
        layers += _fit_layers(chart, records, x, y)
    if chart.joined and records:
        layers += _joined_layers(records, x, y)
    if chart.front:
        front = alt.Chart(alt.InlineData(values=_front(records, chart)))
        layers.append(front.mark_line(interpolate="step-before", style="front").encode(x=x, y=y))
    layers += [
        base.mark_rule(strokeWidth=1.5).encode(x=x, y=alt.Y("y_low:Q"), y2=alt.Y2("y_high:Q")),
        base.mark_rule(strokeWidth=1.5).encode(x=alt.X("x_low:Q"), x2=alt.X2("x_high:Q"), y=y),
        base.mark_point(filled=True, size=95, opacity=1).encode(
            x=x, y=y, shape=shape(records, colours)
        ),
    ]
    if not chart.joined:
        layers += [
            base.mark_text(align=align, dx=dx, dy=-GAP, style="label")
            .encode(x=x, y=y, text=alt.Text("label:N"))
            .transform_filter(alt.datum.named == align)
            for align, dx in SIDES
            if any(record["named"] == align for record in records)
        ]
    floors = _near_floors(chart, records)
    layers += _floor_layers(floors, y)
    drawn = alt.layer(*layers).properties(width="container", height=300)
    return Drawing(
        title=chart.title,
        caption=" ".join(
            filter(
                None,
                (
                    _better(chart),
                    chart.caption,
                    _floors_told(chart, floors),
                    doubts(scatter_figures(chart)),
                ),
            )
        ),
        dataset=chart.dataset,
        spec=finish(drawn, records, f"{chart.title} on {chart.dataset}"),
    )


def _records(chart: ScatterChart, colours: Colouring) -> list[Record | None]:
    return [
        {
            **of_model(point.series, colours),
            "label": point.label + (doubt(point.x) or doubt(point.y)),
            "condition": plain(point.condition),
            **positive(ends("x", point.x), chart.x),
            **positive(ends("y", point.y), chart.y),
            "x_text": cell(point.x, chart.x.unit) + doubt(point.x),
            "y_text": cell(point.y, chart.y.unit) + doubt(point.y),
            **{
                f"told_{place}": cell(one.figure, one.scale.unit) + doubt(one.figure)
                for place, one in enumerate(point.tells)
            },
            "said": f"{point.label}: {cell(point.y, chart.y.unit)}, {cell(point.x, chart.x.unit)}",
        }
        if all(map(math.isfinite, (point.x.value, point.y.value)))
        else None
        for point in chart.points
    ]


def _told(chart: ScatterChart) -> list[tuple[str, str]]:
    told = {place: one.scale for point in chart.points for place, one in enumerate(point.tells)}
    return [
        ("y_text", _title(chart.y)),
        ("x_text", _title(chart.x)),
        *((f"told_{place}", _title(scale)) for place, scale in sorted(told.items())),
    ]


def _title(scale: Scale) -> str:
    return f"{scale.title} %" if scale.unit == "fraction" else scale.title


def _direction(
    name: str, scale: Scale, records: Sequence[Record], corners: Sequence[Record]
) -> dict[str, Any]:
    """Return title, scale and ticks of a direction; with room for what is written beside points."""
    words = {"title": axis_title(scale)}
    reached = {one[key] for one in records for key in (name, f"{name}_low", f"{name}_high")}
    alone = ".3" if len(reached - {None}) == 1 else ""  # no step between ticks says how many digits
    if not scale.log:
        return words | {
            "scale": alt.Scale(zero=False, nice=True, padding=8),
            "axis": alt.Axis(format=alone + axis_format(scale), tickCount=6),
        }
    if not corners:
        large = max((float(one[name]) for one in records), default=0.0) >= 1e4
        return words | {
            "scale": alt.Scale(type="log", nice=False, padding=42),
            "axis": alt.Axis(
                format=f"{alone}~s" if large else f"{alone}~g",
                tickCount=6,
                labelOverlap="greedy",
            ),
        }
    values = [float(one[name]) for one in (*records, *corners)]
    low, high = (
        (min(values), max(values)) if name == "x" else (min(values) / 1.6, max(values) * 2.2)
    )
    return words | {
        "scale": alt.Scale(type="log", nice=False, domain=[low, high]),
        "axis": alt.Axis(format="~s" if high >= 1e4 else "~g", values=log_ticks(low, high)),
    }


def _corners(chart: ScatterChart, records: Sequence[Record]) -> list[Record]:
    """Return the corners of each limit: at the left edge of the plot, the ridge and the right edge."""
    if not chart.limits or not records:
        return []
    ridges = [limit.most / limit.slope for limit in chart.limits]
    left = min(*(record["x"] / 1.6 for record in records), *(ridge / 4 for ridge in ridges))
    right = max(*(record["x"] * 6 for record in records), *(ridge * 3 for ridge in ridges))
    return [
        {"limit": text, "x": x, "y": min(limit.most, limit.slope * x), "end": x == right}
        for limit, ridge, text in zip(chart.limits, ridges, limits(chart), strict=True)
        for x in (left, ridge, right)
    ]


def _limit_layers(corners: list[Record], x: alt.X, y: alt.Y) -> list[alt.Chart]:
    base = alt.Chart(alt.InlineData(values=corners)).encode(x=x, y=y)
    return [
        base.mark_line(style="front", strokeDash=[1, 0], clip=True).encode(
            detail=alt.Detail("limit:N")
        ),
        base.mark_text(style="roof", align="right", baseline="bottom", dx=-2, dy=-5)
        .encode(text=alt.Text("limit:N"))
        .transform_filter(alt.datum.end),
    ]


def _fit_layers(
    chart: ScatterChart, records: Sequence[Record], x: alt.X, y: alt.Y
) -> list[alt.Chart]:
    """Return the lines that a fit expects points on, each with what it holds for at its end."""
    low, high = (end(float(one["x"]) for one in records) for end in (min, max))
    wider = 0.05 * (high - low) or 0.01
    low, high = max(low - wider, low / 2), min(high + wider, (1 + high) / 2)
    places = [low + (high - low) * step / FIT_STEPS for step in range(FIT_STEPS + 1)]
    lines = [
        {"fit": plain(line.name), "x": place, "y": line.at(place), "end": place == places[-1]}
        for line in chart.fits
        for place in places
    ]
    base = alt.Chart(alt.InlineData(values=lines)).encode(x=x, y=y)
    words = base.mark_text(style="roof", align="right", baseline="bottom", dx=-2, dy=-5)
    return [
        base.mark_line(style="front", strokeDash=[4, 3]).encode(detail=alt.Detail("fit:N")),
        words.encode(text=alt.Text("fit:N")).transform_filter(alt.datum.end),
    ]


def _joined_layers(records: Sequence[Record], x: alt.X, y: alt.Y) -> list[alt.Chart]:
    """Return a line through the points of each condition, with what tells it from the others over the first."""
    lines: dict[str, list[Record]] = {}
    for one in sorted(records, key=lambda one: float(one["x"])):
        lines.setdefault(one["condition"], []).append(one)
    parts = [name.split(", ") for name in lines]
    common = set(parts[0]).intersection(*parts[1:]) if len(parts) > 1 else set()
    points = [
        {
            "of": ", ".join(part for part in mine if part not in common),
            "x": one["x"],
            "y": one["y"],
            "start": one is line[0],
        }
        for mine, line in zip(parts, lines.values(), strict=True)
        for one in line
    ]
    base = alt.Chart(alt.InlineData(values=points)).encode(x=x, y=y)
    words = base.mark_text(style="roof", align="left", baseline="bottom", dx=-4, dy=-9)
    return [
        base.mark_line(style="front", strokeDash=[1, 0]).encode(detail=alt.Detail("of:N")),
        words.encode(text=alt.Text("of:N")).transform_filter(alt.datum.start),
    ]


def _named_apart(records: Sequence[Record], chart: ScatterChart) -> list[Record]:
    """Return the records with the side on which their name stands: "left" aligned, "right" aligned at the edge, "" where it has none.

    The first ones are named, as far as they have a colour of their own and cover no other name. All are told where one points at them.
    """
    across, up = _pixels(records, "x", chart.x, WIDTH), _pixels(records, "y", chart.y, HEIGHT)
    taken: list[tuple[float, float, float]] = []
    found = []
    for record, place, height in zip(records, across, up, strict=True):
        long = GAP + LETTER * len(str(record["label"]))
        align = "right" if place + long > WIDTH + MARGIN else "left"
        start, end = (place - long, place) if align == "right" else (place, place + long)
        clear = (
            record["key"] != GREY
            and len(taken) < MOST_LABELS
            and all(
                end < left or right < start or abs(height - other) > LINE
                for left, right, other in taken
            )
        )
        found.append({**record, "named": align if clear else ""})
        taken += [(start, end, height)] if clear else []
    return found


def _pixels(records: Sequence[Record], name: str, scale: Scale, length: float) -> list[float]:
    """Return about where records lie on an axis, which has room for their intervals."""

    def place(value: float) -> float:
        return math.log(value) if scale.log else value

    ends = [place(float(one[f"{name}_{end}"])) for one in records for end in ("low", "high")]
    low = min(ends, default=0.0)
    reach = max(ends, default=0.0) - low or 1.0
    return [length * (place(float(one[name])) - low) / reach for one in records]


def _near_floors(chart: ScatterChart, records: Sequence[Record]) -> dict[str, Figure]:
    """Return the floors that are near enough to leave the points apart, by name."""
    heights = [float(record["y"]) for record in records]
    if not heights:
        return {}
    reach = max(heights) - min(heights) or abs(heights[0]) / 10
    return {
        name: figure
        for name, figure in chart.floors
        if min(heights) - 2 * reach <= figure.value <= max(heights) + 2 * reach
    }


def _floor_layers(floors: Mapping[str, Figure], y: alt.Y) -> list[alt.Chart]:
    """Return a line for each of some floors, with its name."""
    if not floors:
        return []
    lines = [{"floor": plain(name), "y": figure.value} for name, figure in floors.items()]
    base = alt.Chart(alt.InlineData(values=lines)).encode(y=y)
    words = base.mark_text(style="roof", align="left", baseline="bottom", dx=4, dy=-3)
    return [
        base.mark_rule(style="front", strokeDash=[2, 3]),
        words.encode(text=alt.Text("floor:N"), x=alt.value(0)),
    ]


def _floors_told(chart: ScatterChart, drawn: Mapping[str, Figure]) -> str:
    """Return "Dotted lines are floors: linear 96.1. Floors off the chart: constant 10.0." of a chart that has such."""
    sorts: dict[bool, list[str]] = {}
    for name, figure in chart.floors:
        text = f"{plain(name)} {cell(figure, chart.y.unit, interval=False)}"
        sorts.setdefault(name in drawn, []).append(text)
    words = {True: "Dotted lines are floors", False: "Floors off the chart"}
    return " ".join(f"{words[near]}: {', '.join(sorts[near])}." for near in words if near in sorts)


def _front(records: Sequence[Record], chart: ScatterChart) -> list[dict[str, float]]:
    """Return the corners of the Pareto front, from the worst in x to the best."""
    x_sign = -1 if chart.x.better == "lower" else 1
    y_sign = -1 if chart.y.better == "lower" else 1
    front: list[dict[str, float]] = []
    for record in sorted(records, key=lambda one: (-x_sign * one["x"], -y_sign * one["y"])):
        if not front or y_sign * record["y"] > y_sign * front[-1]["y"]:
            front.append({"x": record["x"], "y": record["y"]})
    return front[::-1]


def _better(chart: ScatterChart) -> str:
    """Return "Up and to the right is better." of a chart that has a front."""
    if not chart.front:
        return ""
    up = "Down" if chart.y.better == "lower" else "Up"
    return f"{up} and to the {'left' if chart.x.better == 'lower' else 'right'} is better."
