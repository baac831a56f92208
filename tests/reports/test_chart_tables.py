"""What charts say in words beside their figures."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace

from sample_charts import estimate

from harness.api.reporting import (
    ChartData,
    CurveChart,
    CurvePoint,
    GridCell,
    GridChart,
    Scale,
    ScatterChart,
    ScatterPoint,
)
from harness.summary.chart_data import LogitLine
from harness_reports.chart_tables import chart_tables, fits
from harness_reports.charts import draw
from harness_reports.colours import Colouring

SURE = estimate(0.9, 0.02, 100)
BEATEN = replace(estimate(0.7, 0.02, 100), note="an attack beat it", doubtful=True)


def test_a_fit_says_its_slope_with_its_sign() -> None:
    lines = [
        LogitLine(name="", intercept=2.26, slope=-0.09),
        LogitLine(name="b", intercept=-1, slope=0.5),
    ]
    assert fits(SimpleNamespace(fits=lines)) == [  # type: ignore[arg-type]
        "The fit: logit y = 2.26 - 0.09 logit x",
        "The fit b: logit y = -1.00 + 0.50 logit x",
    ]


def charts() -> list[ChartData]:
    """One of each sort, of a sure figure and a doubtful one."""
    said = {"dataset": "digits", "title": "proved", "caption": "Shares."}
    share, of = Scale(title="proved", unit="fraction"), Scale(title="radius")
    both = ((0.0, SURE), (1.0, BEATEN))
    return [
        CurveChart(
            **said, x=of, y=share, points=tuple(CurvePoint(series="vit", x=x, x_text=f"{x:g}", y=y) for x, y in both)
        ),
        GridChart(
            **said, x=of, y=Scale(title="models"), z=Scale(title=""), value=share, rows=("vit",), columns=("0", "1"),
            facets=("",),
            cells=tuple(GridCell(row="vit", column=f"{x:g}", facet="", figure=y) for x, y in both),
        ),
        ScatterChart(
            **said, x=share, y=share,
            points=tuple(ScatterPoint(series="vit", condition="", label=f"vit {x:g}", x=SURE, y=y) for x, y in both),
        ),
    ]  # fmt: skip


def test_doubtful_figures_are_marked_in_every_chart() -> None:
    report = SimpleNamespace(charts=charts())
    for table in chart_tables(report):  # type: ignore[arg-type]
        cells = [text for _, row in table.rows for text in row]
        assert "70.0?" in cells and "90.0" in cells, table.title
        assert table.figures.endswith("? doubtful: an attack beat it.")
    for drawing in draw(report, Colouring(("vit",), 0, {})):  # type: ignore[arg-type]
        assert drawing.caption.endswith("? doubtful: an attack beat it.")
        written = json.dumps(drawing.spec)
        assert "70.0 \\u00b1 2.0?" in written and "90.0 \\u00b1 2.0?" not in written
    # The signs themselves: above the point, in the square, in the name.
    curve, grid, scatter = (
        json.dumps(one.spec) for one in draw(report, Colouring(("vit",), 0, {}))
    )  # type: ignore[arg-type]
    assert '"doubt": "?"' in curve and '"field": "doubt"' in curve
    assert '"text": "70?"' in grid and '"label": "vit 1?"' in scatter


def test_charts_without_a_doubtful_figure_say_nothing_of_it() -> None:
    curve = charts()[0]
    assert isinstance(curve, CurveChart)
    report = SimpleNamespace(charts=[replace(curve, points=curve.points[:1])])
    (table,) = chart_tables(report)  # type: ignore[arg-type]
    (drawing,) = draw(report, Colouring(("vit",), 0, {}))  # type: ignore[arg-type]
    assert "doubtful" not in table.figures + drawing.caption
    assert '"field": "doubt"' not in json.dumps(drawing.spec)


def test_a_caption_keeps_the_capitals_of_a_name() -> None:
    curve = charts()[0]
    assert isinstance(curve, CurveChart)
    for title, said in (("mAP", "mAP %. "), ("proved", "Proved %. ")):
        scale = Scale(title=title, unit="fraction")
        report = SimpleNamespace(charts=[replace(curve, y=scale)])
        (table,) = chart_tables(report)  # type: ignore[arg-type]
        (drawing,) = draw(report, Colouring(("vit",), 0, {}))  # type: ignore[arg-type]
        assert table.figures.startswith(said) and "MAP" not in drawing.caption
