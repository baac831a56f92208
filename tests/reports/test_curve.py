"""How high the axis of a curve reaches."""

from __future__ import annotations

import math

import pytest
from sample_charts import estimate

from harness.api.reporting import CurveChart, CurvePoint, Scale
from harness_reports.colours import Colouring
from harness_reports.curve import draw_curve


@pytest.mark.parametrize(
    ("better", "values", "top"),
    [
        ("lower", (0.01, 0.03), 0.045),  # up to 0.041, with its interval
        ("lower", (0.02, 0.25), 0.3),
        ("lower", (0.0, 0.2), 0.25),
        ("lower", (0.1, 0.55), 1.0),
        ("higher", (0.01, 0.03), 1.0),
    ],
)
def test_small_errors_fill_the_height(better: str, values: tuple[float, ...], top: float) -> None:
    chart = CurveChart(
        dataset="digits",
        title="Risk",
        caption="",
        x=Scale(title="coverage"),
        y=Scale(title="error", unit="fraction", better=better),
        points=tuple(
            CurvePoint(series="vit", x=float(x), x_text=f"{x}", y=estimate(value, 0.011, 100))
            for x, value in enumerate(values)
        ),
    )
    spec = draw_curve(chart, Colouring(("vit",), 0, {})).spec
    tops = [
        layer["encoding"]["y"]["scale"]["domain"]
        for layer in spec["layer"]
        if "scale" in layer["encoding"].get("y", {})
    ]
    assert tops and all(domain == [0, top] for domain in tops)


@pytest.mark.parametrize("log", [True, False])
def test_a_logarithmic_scale_has_a_place_for_all_ends(log: bool) -> None:
    values = (3e-13, 2e-5, 1.0)
    chart = CurveChart(
        dataset="digits",
        title="Gradients",
        caption="",
        x=Scale(title="layer"),
        y=Scale(title="gradient", log=log),
        points=tuple(
            CurvePoint(series="mlp", x=float(x), x_text=f"{x}", y=estimate(value, 2 * value, 10))
            for x, value in enumerate(values)
        ),
    )
    spec = draw_curve(chart, Colouring(("mlp",), 0, {})).spec
    line = next(one for one in spec["layer"] if one["mark"]["type"] == "line")
    y = line["encoding"]["y"]
    assert (y["scale"].get("type") == "log") == log
    assert y["title"].endswith(" (log)") == log
    (records,) = spec["datasets"].values()
    assert [one["y"] for one in records] == list(values)
    lows = [one["y_low"] for one in records]
    assert (min(lows) > 0) == log


def test_a_logarithmic_axis_leaves_out_what_is_0_and_says_so() -> None:
    """A model without an error, and one that was not trained at all: the others are drawn on."""
    places = ((0.0, 0.5), (10.0, 0.0), (100.0, 0.2), (1000.0, math.nan))
    chart = CurveChart(
        dataset="digits",
        title="Test error",
        caption="",
        x=Scale(title="training examples", log=True),
        y=Scale(title="error", unit="fraction", log=True),
        points=tuple(
            CurvePoint(series="mlp", x=x, x_text=f"{x:g}", y=estimate(value, 0.3, 10))
            for x, value in places
        ),
    )
    drawn = draw_curve(chart, Colouring(("mlp",), 0, {}))
    (records,) = drawn.spec["datasets"].values()
    assert [(one["x"], one["y"], one["y_low"]) for one in records] == [(100.0, 0.2, 0.1)]
    assert "Without 2 points of mlp: a logarithmic axis has no 0." in drawn.caption
