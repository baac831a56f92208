"""The matrix of transfer: in words, as tables and as a heat map."""

from __future__ import annotations

import dataclasses
import itertools
import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from sample_report import HOSTILE, sample_report, small_report

from harness.api.reporting import Figure, ReportData, TransferPoint
from harness_reports import json as json_report
from harness_reports import markdown, terminal, transfer
from harness_reports.charts import draw
from harness_reports.colours import colouring
from harness_reports.html import render
from harness_reports.layout import tables

NAMES = ("resnet", "lenet", "mlp")
CLEAN = {"resnet": 0.99, "lenet": 0.95, "mlp": 0.9}


def points(names: Sequence[str] = NAMES, **changes: Any) -> list[TransferPoint]:
    """Return a matrix: half of what is right falls on the source, a tenth elsewhere."""
    found = []
    for source, target in itertools.product(("", *names), names):
        value = CLEAN.get(target, 0.8) * (0.5 if source == target else 0.9 if source else 1.0)
        rate = Figure(value=0.25, low=0.125, high=0.5, n=40)
        point = TransferPoint(
            measure="transfer",
            dataset="digits",
            precision="fp32",
            device="cpu",
            source=source,
            target=target,
            attack="pgd",
            norm="linf",
            epsilon=0.125,
            epsilon_text="2/16",
            accuracy=Figure(value=value, low=value - 0.03, high=value + 0.02, n=360),
            rate=rate if source not in ("", target) else None,
        )
        found.append(dataclasses.replace(point, **changes))
    return found


def with_transfer(*found: TransferPoint) -> ReportData:
    return dataclasses.replace(sample_report(), transfers=found)


def test_a_matrix_for_each_ball_and_its_words() -> None:
    stronger = points(epsilon=0.25, epsilon_text="4/16")
    in_half = points(precision="bf16")
    one, two = transfer.matrices(with_transfer(*points(), *stronger))
    assert (one.condition, two.condition) == ("pgd, linf 2/16", "pgd, linf 4/16")
    assert one.columns == NAMES
    assert one.rows == (("(as they are)", ""), *((name, name) for name in NAMES))
    assert one.figure("lenet", "mlp") == Figure(
        value=0.81, low=0.81 - 0.03, high=0.81 + 0.02, n=360
    )
    assert one.figure("mlp", "mlp").value == 0.45
    assert one.figure("mlp", "nobody") is None
    assert one.caption.endswith("95 % intervals reach 3.0 points at most.")
    conditions = [m.condition for m in transfer.matrices(with_transfer(*points(), *in_half))]
    assert conditions == ["pgd, linf 2/16, fp32", "pgd, linf 2/16, bf16"]
    other = points(measure="transfer:examples=10")
    assert len(transfer.matrices(with_transfer(*points(), *other))) == 2
    assert transfer.matrices(sample_report()) == ()
    without = [
        dataclasses.replace(point, accuracy=Figure(value=0.5, exact=True)) for point in points()
    ]
    assert "intervals" not in transfer.matrices(with_transfer(*without))[0].caption


def test_the_terminal_shows_names_or_numbers_or_where_to_look() -> None:
    text = terminal.render(with_transfer(*points()), 100)
    start = text.index("transfer, pgd, linf 2/16")
    assert text.index("digits, 360 test") < start < text.index("diabetes, 89 test")
    lines = [line.split() for line in text[start:].splitlines()]
    assert lines[2] == ["made", "on", "resnet", "lenet", "mlp"]
    assert lines[4:8] == [
        ["(as", "they", "are)", "99.0", "95.0", "90.0"],
        ["resnet", "49.5", "85.5", "81.0"],
        ["lenet", "89.1", "47.5", "81.0"],
        ["mlp", "89.1", "85.5", "45.0"],
    ]
    long = [f"a_model_of_long_name_{k}" for k in range(5)]
    text = terminal.render(with_transfer(*points(long)), 80)
    assert "(as they are)" in text and "3 a_model_of_long_name_2" in text
    (header,) = (line for line in text.splitlines() if line.startswith("made on"))
    assert header.split() == ["made", "on", "1", "2", "3", "4", "5"]
    many = [f"model_{k}" for k in range(30)]
    text = terminal.render(with_transfer(*points(many)), 100)
    assert "transfer, pgd, linf 2/16: a matrix of 30 models, in the HTML report" in text
    assert "made on" not in text
    assert max(map(len, text.splitlines())) <= 100


def test_markdown_has_a_table() -> None:
    text = markdown.render(with_transfer(*points()))
    start = text.index("### Transfer, pgd, linf 2/16")
    assert start < text.index("## diabetes")
    rows = [line for line in text[start:].splitlines() if line.startswith("| ")]
    assert rows[:4] == [
        "| made on | resnet | lenet | mlp |",
        "| :-- | --: | --: | --: |",
        "| (as they are) | 99.0 | 95.0 | 90.0 |",
        "| resnet | 49.5 | 85.5 | 81.0 |",
    ]


def test_json_has_the_points() -> None:
    report = with_transfer(*points())
    kept = json.loads(json_report.render(report))["transfers"]
    assert len(kept) == 12
    again = [
        TransferPoint(
            **{
                **one,
                "accuracy": Figure(**one["accuracy"]),
                "rate": one["rate"] and Figure(**one["rate"]),
            }
        )
        for one in kept
    ]
    assert tuple(again) == report.transfers


def charts(report: ReportData) -> list[Any]:
    drawn, _ = draw(report, tables(report), colouring(report))
    return [chart for chart in drawn if chart.title.startswith("Transfer")]


def squares_of(chart: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = chart.spec["datasets"][chart.spec["data"]["name"]]
    return found


def test_the_heat_map_has_a_square_for_each_pair() -> None:
    (chart,) = charts(with_transfer(*points()))
    assert chart.title == "Transfer of adversarial examples, pgd, linf 2/16"
    assert (chart.dataset, chart.wide) == ("digits", False)
    squares = {(square["source"], square["target"]): square for square in squares_of(chart)}
    assert len(squares) == 12
    one = squares["lenet", "mlp"]
    assert (one["text"], one["accuracy"], one["rate"]) == (
        "81",
        "81.0 [78.0, 83.0]",
        "25.0 [12.5, 50.0]",
    )
    assert one["said"] == "made on lenet, judged on mlp: 81.0 [78.0, 83.0]"
    assert {pair for pair, square in squares.items() if square["same"]} == {(n, n) for n in NAMES}
    assert squares["(as they are)", "mlp"]["rate"] == squares["mlp", "mlp"]["rate"] == "\N{EM DASH}"
    nobody = [dataclasses.replace(point, rate=None) for point in points()]
    (chart,) = charts(with_transfer(*nobody))
    said = {square["rate"] for square in squares_of(chart)}
    assert said == {"\N{EM DASH}", "no such examples"}


def test_of_very_many_models_some_are_drawn_and_a_cell_may_lack() -> None:
    many = [f"model_{k}" for k in range(50)]
    (chart,) = charts(with_transfer(*points(many)))
    assert chart.wide and chart.caption.endswith("10 models more are not drawn.")
    assert len(squares_of(chart)) == 41 * 40
    lacking = [point for point in points() if (point.source, point.target) != ("mlp", "lenet")]
    (chart,) = charts(with_transfer(*lacking))
    assert len(squares_of(chart)) == 11
    assert "\N{EM DASH}" in markdown.render(with_transfer(*lacking)).split("### Transfer")[1]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_drawn_offline_and_focuses_on_a_model(
    open_page: Callable[..., Any], scheme: str
) -> None:
    opened = open_page(render(with_transfer(*points())), scheme=scheme)
    figure = opened.page.locator("figure.chart", has_text="Transfer of adversarial examples")
    squares = figure.locator("svg .mark-rect path")
    assert squares.count() >= 12 + 3
    drawn = figure.locator("svg").inner_html()
    assert "made on" in drawn and "judged on" in drawn and "(as they are)" in drawn
    squares.nth(4).hover(force=True)
    opened.page.wait_for_selector("#vg-tooltip-element.visible")
    assert "transfer rate %" in opened.page.inner_text("#vg-tooltip-element")
    assert figure.locator('svg .mark-rect path[opacity="0.25"]').count() == 0
    opened.page.locator("button.chip", has_text="mlp").click()
    faint = figure.locator('svg .mark-rect path[opacity="0.25"]')
    faint.first.wait_for(state="attached")
    # neither made nor judged on mlp: three rows of two columns, and of the frames two
    assert faint.count() == 6 + 2
    assert opened.troubles == []
    assert all(url.startswith(("file:", "data:", "blob:")) for url in opened.requests)


def test_hostile_names_run_nothing(open_page: Callable[..., Any]) -> None:
    hostile = points(HOSTILE, attack=HOSTILE[0], norm=HOSTILE[2], epsilon_text=HOSTILE[4])
    report = dataclasses.replace(small_report(), transfers=tuple(hostile))
    for width in (80, 400):
        assert "\x1b" not in terminal.render(report, width)
    table = markdown.render(report).split("### Transfer")[1]
    assert "<script>" not in table and "|b`" not in table
    page = render(report)
    assert "<script>alert(1)" not in page
    opened = open_page(page)
    assert opened.troubles == []
    figure = opened.page.locator("figure.chart", has_text="Transfer of adversarial examples")
    assert "[red]x[/red]" in figure.locator("svg").inner_html()
