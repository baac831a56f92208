"""Points of two figures: their front, the limits above them, and that they are drawn offline."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
from odd_reports import large_report, small_report
from sample_charts import POINTS, roofline, trade_off
from sample_report import sample_report

from harness.api.reporting import Figure, Limit, Scale, ScatterChart
from harness_reports.colours import GREY, colouring
from harness_reports.encodings import log_ticks
from harness_reports.html import render
from harness_reports.scatter import draw_scatter


def drawn(chart: ScatterChart) -> dict[str, list[dict[str, Any]]]:
    """Return the data of each layer, by its mark: the first of the layers with it."""
    spec = draw_scatter(chart, colouring(sample_report())).spec
    found: dict[str, list[dict[str, Any]]] = {}
    for layer in spec["layer"]:
        found.setdefault(layer["mark"]["type"], spec["datasets"][layer["data"]["name"]])
    return found


def test_a_point_says_all_that_is_told_of_it() -> None:
    points = drawn(roofline())["point"]
    assert {(p["label"], p["x"], p["y"], p["told_0"]) for p in points} == {
        (f"{name}, batch {size}", x, y, f"{share:.3f}")
        for (name, size), (x, y, share) in POINTS.items()
    }
    assert {p["y_text"] for p in points} == {"5 GFLOP/s", "150 GFLOP/s", "30 GFLOP/s"}


def test_a_limit_rises_to_the_ridge_and_is_flat_from_there() -> None:
    foot, ridge, end = drawn(roofline())["line"]
    assert foot["y"] == pytest.approx(5e10 * foot["x"]) and foot["x"] < 0.5
    assert (ridge["x"], ridge["y"]) == (4.0, 2e11)
    assert end["y"] == 2e11 and end["x"] > 20
    assert {corner["limit"] for corner in (foot, ridge, end)} == {
        "Matrix rate 200 GFLOP/s, bandwidth 50 GB/s (fp32, threads 2)"
    }
    more = Limit(name="bf16, threads 2", most=8e11, slope=5e10)
    corners = drawn(roofline(limits=(*roofline().limits, more)))["line"]
    assert len(corners) == 6 and len({c["x"] for c in corners if c["end"]}) == 1


def test_points_of_a_condition_are_joined_in_the_order_of_x() -> None:
    """Two batch sizes of two models: a line each, with its name at the smaller x."""
    chart = roofline(limits=(), joined=True)
    points = drawn(chart)["line"]
    for condition in {point.condition for point in chart.points}:
        mine = [one for one in points if one["of"] == condition]
        assert [one["x"] for one in mine] == sorted(
            point.x.value for point in chart.points if point.condition == condition
        )
        assert [one["start"] for one in mine] == [True] + [False] * (len(mine) - 1)


@pytest.mark.parametrize("log", [True, False])
def test_the_only_value_of_an_axis_is_written_with_three_digits(log: bool) -> None:
    chart = roofline(limits=(), x=Scale(title="FLOPs", unit="count", log=log))

    def written(**ends: float) -> str:
        flops = Figure(value=155_025_408.0, **ends)
        points = tuple(dataclasses.replace(point, x=flops) for point in chart.points)
        spec = draw_scatter(
            dataclasses.replace(chart, points=points), colouring(sample_report())
        ).spec
        (mark,) = (one for one in spec["layer"] if one["mark"]["type"] == "point")
        return mark["encoding"]["x"]["axis"]["format"]

    assert written() == ".3~s"
    assert written(low=155_000_000.0, high=155_060_000.0) == "~s"  # ticks lie between the ends


def test_names_that_would_cover_each_other_are_left_out() -> None:
    chart = roofline()
    assert all(one["named"] for one in drawn(chart)["point"])
    first, *others = chart.points
    near = dataclasses.replace(first, y=dataclasses.replace(first.y, value=1.01 * first.y.value))
    named = [
        bool(one["named"])
        for one in drawn(dataclasses.replace(chart, points=(first, near, *others)))["point"]
    ]
    assert named == [True, False, *(True for _ in others)]


def test_of_many_points_the_first_with_a_colour_of_their_own_are_named() -> None:
    report = large_report()
    chart = trade_off(report.rows, "digits")
    drawing = draw_scatter(chart, colouring(report))
    (points,) = (one for one in drawing.spec["datasets"].values() if len(one) == 100)
    named = [one for one in points if one["named"]]
    assert 1 < len(named) <= 12 and all(one["key"] != GREY for one in named)
    assert "model_000" in named[0]["label"]
    assert "label" in str(drawing.spec["layer"])


def test_a_name_that_would_leave_the_chart_ends_at_its_point() -> None:
    rows = [row for row in sample_report().rows if row.dataset == "digits"]
    chart = trade_off(rows, "digits")
    first, second = (
        dataclasses.replace(
            chart.points[0], label="twelve signs", x=Figure(value=x, low=x - 0.05, high=x + 0.05)
        )
        for x in (0.25, 0.78)
    )
    scale = dataclasses.replace(chart.x, log=False)
    points = drawn(dataclasses.replace(chart, x=scale, points=(first, second)))["point"]
    assert [one["named"] for one in points] == ["left", "right"]


def test_a_floor_is_a_line_where_it_is_near_and_is_always_told() -> None:
    """One that is far below would press all points together."""
    chart = trade_off(sample_report().rows, "digits")
    heights = [point.y.value for point in chart.points]
    near = ("linear", Figure(value=min(heights)))
    chart = dataclasses.replace(chart, floors=(near, ("constant", Figure(value=-9.0))))
    drawing = draw_scatter(chart, colouring(sample_report()))
    (text,) = [
        layer
        for layer in drawing.spec["layer"]
        if layer["encoding"].get("text", {}).get("field") == "floor"
    ]
    lines = drawing.spec["datasets"][text["data"]["name"]]
    assert lines == [{"floor": "linear", "y": min(heights)}]
    assert f"Dotted lines are floors: linear {100 * min(heights):.1f}." in drawing.caption
    assert drawing.caption.endswith("Floors off the chart: constant -900.0.")
    plain = draw_scatter(dataclasses.replace(chart, floors=()), colouring(sample_report()))
    assert "floors" not in plain.caption


def test_an_interval_that_reaches_zero_ends_where_a_log_scale_does() -> None:
    (first, *_) = roofline().points
    wide = dataclasses.replace(first, y=Figure(value=5e9, low=-1e9, high=6e9))
    (point,) = drawn(roofline(points=(wide,)))["point"]
    assert (point["y_low"], point["y_high"]) == (5e9, 6e9)


@pytest.mark.parametrize(
    ("y", "x", "corners"),
    [
        ("higher", "higher", ["resnet", "lenet", "mlp"]),
        ("lower", "higher", ["mlp"]),
        ("higher", "lower", ["vit", "resnet"]),
    ],
)
def test_the_front_holds_what_nothing_beats(y: str, x: str, corners: list[str]) -> None:
    rows = [row for row in sample_report().rows if row.dataset == "digits"]
    chart = trade_off(rows, "digits")
    chart = dataclasses.replace(
        chart,
        x=dataclasses.replace(chart.x, better=x),
        y=dataclasses.replace(chart.y, better=y),
    )
    values = {row.figures["headline"].value: row.series for row in rows}
    front = [values[corner["y"]] for corner in drawn(chart)["line"]]
    assert sorted(front) == sorted(corners)
    words = draw_scatter(chart, colouring(sample_report())).caption
    assert words.startswith("Up and to the" if y == "higher" else "Down and to the")


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.9, 21, [1, 2, 5, 10, 20]),
        (3e9, 6e9, [5e9]),
        (1, 1e6, [1, 10, 100, 1e3, 1e4, 1e5, 1e6]),
    ],
)
def test_ticks(low: float, high: float, expected: list[float]) -> None:
    assert log_ticks(low, high) == pytest.approx(expected)


@pytest.mark.parametrize("scheme", ["light", pytest.param("dark", marks=pytest.mark.slow)])
def test_it_is_drawn(open_page: Callable[..., Any], scheme: str) -> None:
    opened = open_page(render(small_report(charts=(roofline(),))), scheme=scheme)
    figure = opened.page.locator("figure.chart", has_text="Roofline of inference")
    shown = figure.locator("svg").inner_html()
    for text in (
        "Matrix rate 200 GFLOP/s",
        "lenet, batch 64",
        "arithmetic intensity, FLOP/B (log)",
    ):
        assert text in shown
    figure.locator("svg .mark-symbol path").first.hover(force=True)
    opened.page.wait_for_selector("#vg-tooltip-element.visible")
    assert "share" in opened.page.inner_text("#vg-tooltip-element")
    assert opened.troubles == []
    assert all(url.startswith(("file:", "data:", "blob:")) for url in opened.requests)
