"""The roofline plot: its points, its roofs, and that it is drawn offline."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest
from sample_report import sample_report

from harness.api.reporting import ReportData
from harness_reports import roofline
from harness_reports.charts import draw
from harness_reports.colours import colouring
from harness_reports.html import render
from harness_reports.layout import tables

# intensity in FLOP/byte, achieved FLOP/s, share
POINTS = {
    ("lenet", 1): (2.0, 5e9, 0.05),
    ("lenet", 64): (20.0, 1.5e11, 0.75),
    ("mlp", 64): (0.5, 3e10, 1.2),
}
PARTS = {"matrix_ceiling": 2e11, "bandwidth_ceiling": 5e10}


def with_roofline(measure: str = "throughput", **changes: Any) -> ReportData:
    """Return the fixed report with ceilings."""
    rows = []
    for (architecture, batch_size), (intensity, achieved, share) in POINTS.items():
        values = {
            f"{measure}_share_of_ceiling": share,
            "achieved_flops": achieved,
            "arithmetic_intensity": intensity,
            **PARTS,
        }
        where = {"batch_size": batch_size, "threads": 2, "flag": f"busy at {batch_size}"}
        for name, value in values.items():
            row = {
                "architecture": architecture,
                "dataset": "digits",
                "recipe": None,
                "precision": "fp32",
                "measure": measure,
                "name": name,
                "value": value,
                "where": json.dumps(where),
            }
            rows.append(row | changes)
    return dataclasses.replace(sample_report(), metrics=pd.DataFrame(rows))


def collected(report: ReportData) -> dict[tuple[str, str], list[dict[str, Any]]]:
    return roofline.collect(report, colouring(report))


def test_a_point_a_model_and_batch_size() -> None:
    (records,) = collected(with_roofline()).values()
    assert {(r["label"], r["x"], r["y"], r["share"]) for r in records} == {
        ("lenet, batch 1", 2.0, 5e9, "5.0 %"),
        ("lenet, batch 64", 20.0, 1.5e11, "75.0 %"),
        ("mlp, batch 64", 0.5, 3e10, "120.0 %"),  # not cut off
    }
    assert {r["roof"] for r in records} == {"fp32, 2 threads"}


def test_a_roof_rises_to_the_ridge_and_is_flat_from_there() -> None:
    (records,) = collected(with_roofline()).values()
    foot, ridge, end = roofline.roofs(records)
    assert foot["y"] == pytest.approx(5e10 * foot["x"]) and foot["x"] < 0.5
    assert (ridge["x"], ridge["y"]) == (4.0, 2e11)
    assert end["y"] == 2e11 and end["x"] > 20
    assert {corner["roof"] for corner in (foot, ridge, end)} == {
        "fp32, 2 threads: 200 GFLOP/s, 50 GB/s"
    }
    both = [*records, *(r | {"roof": "bf16, 2 threads", "matrix": 8e11} for r in records)]
    corners = roofline.roofs(both)
    assert len(corners) == 6 and len({(c["x"]) for c in corners if c["end"]}) == 1


def test_there_is_a_plot_for_each_data_set_and_measure_that_has_the_figures() -> None:
    report = with_roofline()
    both = pd.concat([report.metrics, with_roofline("training_throughput").metrics])
    titles = [
        chart.title
        for chart in draw(
            dataclasses.replace(report, metrics=both), tables(report), colouring(report)
        )[0]
    ]
    assert titles[2:4] == ["Roofline of inference", "Roofline of training"]
    labelled = report.metrics.assign(measure="throughput:seconds=1,precision=bf16")
    found = collected(dataclasses.replace(report, metrics=labelled))
    assert list(found) == [("digits", "throughput")]
    assert collected(sample_report()) == {}
    assert collected(dataclasses.replace(report, metrics=pd.DataFrame())) == {}
    shares_alone = report.metrics[report.metrics["name"] != "bandwidth_ceiling"]
    assert collected(dataclasses.replace(report, metrics=shares_alone)) == {}


@pytest.mark.parametrize("value", [0.0, float("nan"), float("inf")])
def test_what_has_no_place_on_a_logarithmic_axis_is_left_out(value: float) -> None:
    assert collected(with_roofline(value=value)) == {}


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.9, 21, [1, 2, 5, 10, 20]),
        (3e9, 6e9, [5e9]),
        (1, 1e6, [1, 10, 100, 1e3, 1e4, 1e5, 1e6]),
    ],
)
def test_ticks(low: float, high: float, expected: list[float]) -> None:
    assert roofline._ticks(low, high) == pytest.approx(expected)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_drawn(open_page: Callable[..., Any], scheme: str) -> None:
    opened = open_page(render(with_roofline()), scheme=scheme)
    figure = opened.page.locator("figure.chart", has_text="Roofline of inference")
    drawn = figure.locator("svg").inner_html()
    for text in ("fp32, 2 threads: 200 GFLOP/s, 50 GB/s", "lenet 64", "arithmetic intensity"):
        assert text in drawn
    figure.locator("svg .mark-symbol path").first.hover(force=True)
    opened.page.wait_for_selector("#vg-tooltip-element.visible")
    assert "share of the ceiling" in opened.page.inner_text("#vg-tooltip-element")
    assert opened.troubles == []
    assert all(url.startswith(("file:", "data:", "blob:")) for url in opened.requests)
