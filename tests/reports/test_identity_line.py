"""A curve of what should agree has the line where it does; others have none."""

from __future__ import annotations

from typing import Any

import pytest
from sample_charts import estimate

from harness.api.reporting import CurveChart, CurvePoint, Scale
from harness_reports.colours import Colouring
from harness_reports.curve import draw_curve


@pytest.mark.parametrize("identity", [True, False])
def test_the_line_y_is_x_spans_the_points(identity: bool) -> None:
    chart = CurveChart(
        dataset="digits",
        title="Reliability",
        caption="",
        x=Scale(title="confidence"),
        y=Scale(title="accuracy", unit="fraction"),
        points=tuple(
            CurvePoint(series="vit", x=x, x_text=f"{x}", y=estimate(0.9 * x, 0.05, 100))
            for x in (0.3, 0.5, 0.9)
        ),
        identity=identity,
    )
    spec = draw_curve(chart, Colouring(("vit",), 0, {})).spec
    lines = [
        [(end["x"], end["y"]) for end in values]
        for values in _values(spec)
        if not any("x_text" in record or "key" in record for record in values)
    ]
    assert lines == ([[(0.3, 0.3), (0.9, 0.9)]] if identity else [])


def test_a_fit_is_dashed_beside_its_points_and_goes_on() -> None:
    points = [
        CurvePoint(series="vit", x=x, x_text=f"{x:g}", y=estimate(y, y, 100))
        for x, y in ((10.0, 0.2), (100.0, 0.1), (200.0, 0.05))
    ]
    chart = CurveChart(
        dataset="digits",
        title="Learning",
        caption="",
        x=Scale(title="examples", log=True),
        y=Scale(title="error", unit="fraction", log=True),
        points=tuple(points[:2]),
        fitted=tuple(points),
    )
    drawing = draw_curve(chart, Colouring(("vit",), 0, {}))
    layers = drawing.spec["layer"]
    assert [one["mark"].get("strokeDash") for one in layers].count([4, 4]) == 1
    fitted, *_ = [values for values in _values(drawing.spec) if "x_text" not in values[0]]
    assert [one["x"] for one in fitted] == [10.0, 100.0, 200.0]
    assert all(one["encoding"]["x"]["scale"]["type"] == "log" for one in layers)
    (shown, *_) = [values for values in _values(drawing.spec) if "x_text" in values[0]]
    assert min(one["y_low"] for one in shown) == 0.05  # an interval that reaches 0 ends there
    assert "Dashed is what a fit says." in drawing.caption


def _values(spec: Any) -> list[list[dict[str, Any]]]:
    """Return all data of points that stand in a specification."""
    if isinstance(spec, dict):
        spec = list(spec.values())
    if not isinstance(spec, list):
        return []
    if spec and all(isinstance(one, dict) and {"x", "y"} <= one.keys() for one in spec):
        return [spec]
    return [one for value in spec for one in _values(value)]
