"""How adversarial examples transfer between models: matrices for text, and their chart."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import altair as alt

from harness.api.reporting import CONDITION_AXES, Figure, ReportData, TransferPoint
from harness_reports.colours import Colouring
from harness_reports.format import cell, has_interval, quantity

AS_THEY_ARE = "(as they are)"  # the row of examples that nobody changed
MOST_MODELS = 40
_FOCUSED = "focus == '' || datum.source_architecture == focus || datum.target_architecture == focus"

Record = dict[str, Any]


@dataclass(frozen=True)
class Matrix:
    """Accuracy of models (columns) on examples that were made on models (rows).

    condition: "pgd, linf 1/16", with precision and device where the run has several. rows: names as
    they are shown, and of the points; columns: names of both.
    """

    dataset: str
    condition: str
    rows: tuple[tuple[str, str], ...]
    columns: tuple[str, ...]
    points: Mapping[tuple[str, str], TransferPoint]

    def figure(self, source: str, target: str) -> Figure | None:
        """Return the accuracy of a cell; None where it was not measured."""
        point = self.points.get((source, target))
        return None if point is None else point.accuracy

    @property
    def caption(self) -> str:
        """How a reader should take the figures, and how wide their intervals are at most."""
        text = "Accuracy % of columns on examples made on rows; the diagonal is robust accuracy."
        arms = [
            max(figure.value - figure.low, figure.high - figure.value)
            for figure in (point.accuracy for point in self.points.values())
            if has_interval(figure) and figure.low is not None and figure.high is not None
        ]
        if not arms:
            return text
        return f"{text} 95 % intervals reach {quantity(max(arms), 'fraction')} points at most."


def matrices(report: ReportData) -> tuple[Matrix, ...]:
    """Return the matrices of a run in the order of its points."""
    found: dict[tuple[Any, ...], list[TransferPoint]] = {}
    for point in report.transfers:
        key = (point.measure, point.dataset, point.precision, point.device)
        found.setdefault((*key, point.attack, point.norm, point.epsilon_text), []).append(point)
    several = [
        axis
        for axis in CONDITION_AXES[1:]
        if len({getattr(point, axis) for point in report.transfers}) > 1
    ]
    return tuple(_matrix(points, several) for points in found.values())


def _matrix(points: list[TransferPoint], several: list[str]) -> Matrix:
    first = points[0]
    axes = [str(getattr(first, axis)) for axis in several]
    sources = dict.fromkeys(point.source for point in points)
    return Matrix(
        dataset=first.dataset,
        condition=", ".join([first.attack, f"{first.norm} {first.epsilon_text}", *axes]),
        rows=tuple((source or AS_THEY_ARE, source) for source in sources),
        columns=tuple(dict.fromkeys(point.target for point in points)),
        points={(point.source, point.target): point for point in points},
    )


def records(matrix: Matrix, colours: Colouring) -> list[Record]:
    """Return the squares of the chart, of as many models as it holds."""
    rows = dict(matrix.rows[: MOST_MODELS + 1])
    found = []
    for shown, source in rows.items():
        for target in matrix.columns[:MOST_MODELS]:
            point = matrix.points.get((source, target))
            if point is None or not math.isfinite(point.accuracy.value):
                continue
            text = cell(point.accuracy, "fraction")
            found.append(
                {
                    "source": shown,
                    "target": target,
                    "source_architecture": colours.architecture(source) if source else "",
                    "target_architecture": colours.architecture(target),
                    "same": source == target,
                    "value": point.accuracy.value,
                    "text": f"{point.accuracy.value * 100:.0f}",
                    "accuracy": text,
                    "rate": _rate(point),
                    "said": f"made on {shown}, judged on {target}: {text}",
                }
            )
    return found


def _rate(point: TransferPoint) -> str:
    if point.rate is None:
        return "no such examples" if point.source not in ("", point.target) else "\N{EM DASH}"
    return cell(point.rate, "fraction")


def heat_map(matrix: Matrix, squares: list[Record]) -> Any:
    """Return the matrix as a chart: rows the examples were made on, columns they were judged on."""
    values = [float(square["value"]) for square in squares] or [0.0]
    middle = min(values) + 0.62 * (max(values) - min(values))  # where both inks read well
    shown = {square["source"] for square in squares}
    base = alt.Chart(alt.InlineData(values=squares)).encode(
        x=alt.X(
            "target:N",
            title="judged on",
            sort=list(matrix.columns),
            axis=alt.Axis(orient="top", labelAngle=-40, labelLimit=150),
        ),
        y=alt.Y(
            "source:N",
            title="made on",
            sort=[name for name, _ in matrix.rows if name in shown],
        ),
        opacity=alt.condition(_FOCUSED, alt.value(1.0), alt.value(0.25)),
        tooltip=[
            alt.Tooltip("source:N", title="made on"),
            alt.Tooltip("target:N", title="judged on"),
            alt.Tooltip("accuracy:N", title="accuracy %"),
            alt.Tooltip("rate:N", title="transfer rate %"),
        ],
        description="said:N",
    )
    colour = alt.Color(
        "value:Q",
        scale=alt.Scale(domain=[min(values), max(values)], nice=False),
        legend=alt.Legend(
            title="accuracy",
            orient="bottom",
            direction="horizontal",
            gradientLength=180,
            format="~%",
            tickCount=4,
        ),
    )
    return alt.layer(
        base.mark_rect(cornerRadius=2).encode(color=colour),
        base.mark_rect(cornerRadius=2, filled=False, style="same").transform_filter(alt.datum.same),
        base.mark_text(style="heat-low")
        .encode(text="text:N")
        .transform_filter(alt.datum.value < middle),
        base.mark_text(style="heat-high")
        .encode(text="text:N")
        .transform_filter(alt.datum.value >= middle),
    ).properties(width={"step": 36}, height={"step": 26})


def pixels(matrix: Matrix) -> int:
    """Return about how wide the chart is, its labels included."""
    longest = max(len(name) for name, _ in matrix.rows)
    return min(190, 7 * longest) + 36 * min(len(matrix.columns), MOST_MODELS)
