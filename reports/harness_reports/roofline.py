"""The roofline plot: how near each model comes to what the machine reaches at most.

After Williams, Waterman and Patterson 2009: FLOP/s against FLOPs per byte moved, both on a logarithmic
axis; the roof rises with the memory's bandwidth until it meets the matrix rate.
"""

from __future__ import annotations

import json
import math
from typing import Any

import altair as alt

from harness.api.reporting import ReportData, say_rate
from harness_reports.colours import GREY, Colouring

TITLES = {"throughput": "inference", "training_throughput": "training"}
FOCUSED = "focus == '' || datum.architecture == focus"
MOST_LABELS = 12
_PARTS = ("achieved_flops", "arithmetic_intensity", "matrix_ceiling", "bandwidth_ceiling")
Record = dict[str, Any]
Key = tuple[str, str]  # a data set and a measure


def collect(report: ReportData, colours: Colouring) -> dict[Key, list[Record]]:
    """Return the points of each plot, by data set and measure; a model's seeds are averaged."""
    frame = report.metrics
    if frame.empty or "measure" not in frame:
        return {}
    wanted = frame[frame["name"].isin((*_PARTS, *(f"{m}_share_of_ceiling" for m in TITLES)))]
    together: dict[tuple[Any, ...], dict[str, list[float]]] = {}
    for row in wanted.to_dict("records"):
        where = json.loads(str(row["where"]))
        where.pop("flag", None)
        axes = tuple(str(row[axis]) for axis in ("dataset", "measure", "architecture", "recipe"))
        key = (*axes, str(row["precision"]), json.dumps(where, sort_keys=True))
        name = "share" if str(row["name"]).endswith("_share_of_ceiling") else str(row["name"])
        together.setdefault(key, {}).setdefault(name, []).append(float(row["value"]))
    plots: dict[Key, list[Record]] = {}
    for key, values in together.items():
        if values.keys() != {*_PARTS, "share"} or str(key[1]).partition(":")[0] not in TITLES:
            continue
        mean = {name: sum(found) / len(found) for name, found in values.items()}
        if all(math.isfinite(mean[name]) and mean[name] > 0 for name in mean):
            measure = str(key[1]).partition(":")[0]  # without its options
            plots.setdefault((key[0], measure), []).append(_record(key, mean, colours))
    return plots


def _record(key: tuple[Any, ...], mean: dict[str, float], colours: Colouring) -> Record:
    _, _, architecture, recipe, precision, text = key
    where = json.loads(text)
    threads = where.get("threads")
    precision = where.get("precision", precision)
    more = [f"batch {where['batch_size']}"] if "batch_size" in where else []
    more += [
        str(where[name]) for name in ("memory_format", "backend", "optimizer") if name in where
    ]
    roof = precision if threads is None else f"{precision}, {threads} thread{'s' * (threads != 1)}"
    return {
        "architecture": architecture,
        "key": colours.key(architecture),
        "label": f"{architecture}, {', '.join(more)}" if more else architecture,
        "short": f"{architecture} {where.get('batch_size', '')}".strip(),
        "recipe": "" if recipe in ("None", "nan") else recipe,
        "roof": roof,
        "x": mean["arithmetic_intensity"],
        "y": mean["achieved_flops"],
        "matrix": mean["matrix_ceiling"],
        "bandwidth": mean["bandwidth_ceiling"],
        "share": f"{mean['share']:.1%}".replace("%", " %"),
        "y_text": say_rate(mean["achieved_flops"], "FLOP/s"),
        "x_text": f"{mean['arithmetic_intensity']:.3g} FLOP/byte",
        "said": f"{architecture}, {', '.join(more)}: {mean['share']:.1%} of the ceiling",
    }


def roofs(records: list[Record]) -> list[Record]:
    """Return the corners of each roof: at the left edge of the plot, the ridge and the right edge."""
    kinds = dict.fromkeys((one["roof"], one["matrix"], one["bandwidth"]) for one in records)
    ridges = [matrix / bandwidth for _, matrix, bandwidth in kinds]
    left = min(*(record["x"] / 1.6 for record in records), *(ridge / 4 for ridge in ridges))
    right = max(*(record["x"] * 2.5 for record in records), *(ridge * 3 for ridge in ridges))
    corners = []
    for (roof, matrix, bandwidth), ridge in zip(kinds, ridges, strict=True):
        text = f"{roof}: {say_rate(matrix, 'FLOP/s')}, {say_rate(bandwidth, 'B/s')}"
        for x in (left, ridge, right):
            y = min(matrix, bandwidth * x)
            corners.append({"roof": text, "x": x, "y": y, "end": x == right})
    return corners


def layers(records: list[Record], colours: Colouring) -> Any:
    """Return the roofs with a point for each model and batch size."""
    records.sort(key=lambda record: record["key"] != GREY)
    corners = roofs(records)
    intensities = min(one["x"] for one in corners), max(one["x"] for one in corners)
    heights = [one["y"] for one in (*records, *corners)]
    rates = min(heights) / 1.6, max(heights) * 2.2  # with room for the roof's label
    x_axis = alt.X(
        "x:Q",
        title="arithmetic intensity, FLOP/byte (log)",
        scale=alt.Scale(type="log", nice=False, domain=list(intensities)),
        axis=alt.Axis(format="~g", values=_ticks(*intensities)),
    )
    y_axis = alt.Y(
        "y:Q",
        title="FLOP/s (log)",
        scale=alt.Scale(type="log", nice=False, domain=list(rates)),
        axis=alt.Axis(format="~s", values=_ticks(*rates)),
    )
    keys = sorted({record["key"] for record in records})
    shapes = {record["key"]: colours.shape(record["architecture"]) for record in records}
    roof = alt.Chart(alt.InlineData(values=corners)).encode(x=x_axis, y=y_axis)
    base = alt.Chart(alt.InlineData(values=records)).encode(
        x=x_axis,
        y=y_axis,
        color=alt.Color("key:N", scale=alt.Scale(domain=keys), legend=None),
        opacity=alt.condition(FOCUSED, alt.value(1.0), alt.value(0.12)),
        tooltip=[
            alt.Tooltip("label:N", title="model"),
            alt.Tooltip("share:N", title="share of the ceiling"),
            alt.Tooltip("y_text:N", title="achieved"),
            alt.Tooltip("x_text:N", title="intensity"),
            alt.Tooltip("roof:N", title="ceiling"),
        ],
        description="said:N",
    )
    scale = alt.Scale(domain=keys, range=[shapes[key] for key in keys])
    drawn: list[alt.Chart] = [
        roof.mark_line(style="front", strokeDash=[1, 0], clip=True).encode(detail="roof:N"),
        roof.mark_text(style="roof", align="right", baseline="bottom", dx=-2, dy=-5)
        .encode(text="roof:N")
        .transform_filter(alt.datum.end),
        base.mark_point(filled=True, size=95, opacity=1).encode(
            shape=alt.Shape("key:N", scale=scale, legend=None)
        ),
    ]
    if len(records) <= MOST_LABELS:
        drawn.append(
            base.mark_text(align="left", baseline="middle", dx=9, style="label").encode(
                text="short:N"
            )
        )
    return alt.layer(*drawn).properties(width="container", height=300)


def _ticks(low: float, high: float) -> list[float]:
    """Return 1, 2 and 5 times the powers of ten between two values; the powers alone for many."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    factors = (1, 2, 5) if len(powers) <= 4 else (1,)
    ticks = [factor * 10.0**power for power in powers for factor in factors]
    return [tick for tick in ticks if low <= tick <= high]
