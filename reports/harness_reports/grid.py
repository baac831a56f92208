"""Matrices and maps: a figure in each square, with its colour."""

from __future__ import annotations

import json
import math
from typing import Any

import altair as alt

from harness.api.reporting import GridChart
from harness_reports.colours import Colouring
from harness_reports.encodings import Drawing, Record, axis_format, finish, short
from harness_reports.format import DASH, cell, doubt, doubts, titled
from harness_reports.short_names import short_names

MOST_ROWS, MOST_COLUMNS = 40, 40
STEP, LOW, GAP = 36, 26, 18  # pixels of a square, and between two maps
WIDE = 560  # pixels that half the page has
WIDEST = 26  # squares side by side
LETTER = 7  # pixels of one in the title of a map, which may be wider than the map
LETTERS = 24  # of the name of a column
_FOCUSED = "focus == '' || datum.row_architecture == focus || datum.column_architecture == focus"


def draw_grid(chart: GridChart, colours: Colouring) -> Drawing:
    """Return the chart for the page."""
    rows = chart.rows[: MOST_ROWS + bool(chart.margin)]
    columns = chart.columns[:MOST_COLUMNS]
    records = _records(chart, rows, columns, colours)
    layers = _layers(chart, rows, columns, records)
    abreast, side = 1, max(STEP * len(columns), *(LETTER * len(facet) for facet in chart.facets), 1)
    if len(chart.facets) > 1 or chart.facets[:1] not in ((), ("",)):
        abreast = _abreast(len(chart.facets), max(1, int(WIDEST * STEP // side)))
        facet = alt.Facet("facet:N", title=None, sort=list(chart.facets))
        layers = layers.facet(facet=facet, columns=abreast, spacing=GAP)
        if len(chart.facets) % abreast:  # else Vega draws axes below places without a map
            layers = layers.resolve_axis(x="independent")
    names = min(190, 7 * max(map(len, rows), default=0))
    return Drawing(
        title=chart.title,
        caption=" ".join(
            filter(
                None,
                (
                    chart.caption,
                    *_left_out(chart, rows, columns),
                    doubts(one.figure for one in chart.cells),
                ),
            )
        ),
        dataset=chart.dataset,
        spec=finish(layers, [], f"{chart.title} on {chart.dataset}"),
        wide=names + abreast * (side + GAP) > WIDE,
    )


def _abreast(maps: int, most: int) -> int:
    """Return how many maps stand side by side, so that rows are few and alike."""
    return math.ceil(maps / math.ceil(maps / most))


def _records(
    chart: GridChart, rows: tuple[str, ...], columns: tuple[str, ...], colours: Colouring
) -> list[Record]:
    unit = chart.value.unit
    found = []
    for one in chart.cells:
        if one.row not in rows or one.column not in columns or not math.isfinite(one.figure.value):
            continue
        text = cell(one.figure, unit) + doubt(one.figure)
        places = [place for place in (one.facet, one.column) if place]
        found.append(
            {
                "row": one.row,
                "column": one.column,
                "facet": one.facet,
                "row_architecture": colours.architecture(one.row),
                "column_architecture": colours.architecture(one.column),
                "same": bool(one.row) and one.row == one.column,
                "value": one.figure.value,
                "text": short(one.figure.value, chart.value) + doubt(one.figure),
                "figure": text,
                "beside": DASH if one.beside is None else cell(one.beside, _unit(chart)),
                "said": f"{', '.join([one.row, *places])}: {text}",
            }
        )
    return found


def _unit(chart: GridChart) -> str:
    return "" if chart.beside is None else chart.beside.unit


def _layers(
    chart: GridChart, rows: tuple[str, ...], columns: tuple[str, ...], records: list[Record]
) -> Any:
    values = [float(record["value"]) for record in records] or [0.0]
    middle = min(values) + 0.62 * (max(values) - min(values))  # where both inks read well
    names = max(map(len, columns), default=0) > 4
    heads: dict[str, Any] = {"labelAngle": 0}
    if names:
        short = dict(zip(columns, short_names(columns, LETTERS), strict=True))
        heads = {
            "orient": "top",
            "labelAngle": -40,
            "labelExpr": f"{json.dumps(short)}[datum.value]",
        }
    tips = [("row", chart.y.title), ("column", chart.x.title), ("facet", chart.z.title)]
    figures = [("figure", titled(chart.value))]
    figures += [("beside", titled(chart.beside))] if chart.beside is not None else []
    base = alt.Chart(alt.InlineData(values=records)).encode(
        x=alt.X(
            "column:N",
            title=chart.x.title or None,
            sort=list(columns),
            axis=alt.Axis(**heads) if any(columns) else None,
        ),
        y=alt.Y(
            "row:N",
            title=None if chart.y.title == "models" else chart.y.title or None,
            sort=list(rows),
        ),
        opacity=alt.OpacityValue(0.25, condition={"test": _FOCUSED, "value": 1.0}),
        tooltip=[
            alt.Tooltip(f"{field}:N", title="model" if title == "models" else title)
            for field, title in (*tips, *figures)
            if title
        ],
        description=alt.Description("said:N"),
    )
    colour = alt.Color(
        "value:Q",
        scale=alt.Scale(domain=[min(values), max(values)], nice=False),
        legend=alt.Legend(
            title=chart.value.title,
            orient="bottom" if names else "top",
            direction="horizontal",
            gradientLength=180,
            labelSeparation=8,  # else "0%" and "10%" may touch and read as one
            format=axis_format(chart.value),
            tickCount=4,
        ),
    )
    return alt.layer(
        base.mark_rect(cornerRadius=2).encode(color=colour),
        base.mark_rect(cornerRadius=2, filled=False, style="same").transform_filter(alt.datum.same),
        base.mark_text(style="heat-low")
        .encode(text=alt.Text("text:N"))
        .transform_filter(alt.datum.value < middle),
        base.mark_text(style="heat-high")
        .encode(text=alt.Text("text:N"))
        .transform_filter(alt.datum.value >= middle),
    ).properties(width={"step": STEP}, height={"step": LOW})


def _left_out(chart: GridChart, rows: tuple[str, ...], columns: tuple[str, ...]) -> list[str]:
    found = []
    for what, shown, every in (("rows", rows, chart.rows), ("columns", columns, chart.columns)):
        if len(shown) < len(every):
            found.append(f"Only the first {len(shown)} of {len(every)} {what} are drawn.")
    return found
