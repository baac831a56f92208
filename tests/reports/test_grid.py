"""Matrices and maps: as tables of text, and as squares on the page."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from odd_reports import HOSTILE, small_report
from sample_charts import matrix
from sample_report import sample_report
from saved_report import read_chart

from harness.api.reporting import Figure, GridChart, Scale
from harness_reports import json as json_report
from harness_reports import markdown, terminal
from harness_reports.colours import colouring
from harness_reports.encodings import Drawing, axis_format, short
from harness_reports.grid import draw_grid
from harness_reports.html import render

NAMES = ("resnet", "lenet", "mlp")


def drawn(chart: GridChart) -> Drawing:
    return draw_grid(chart, colouring(sample_report()))


def squares_of(drawing: Drawing) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = drawing.spec["datasets"][drawing.spec["data"]["name"]]
    return found


def test_the_terminal_shows_names_or_numbers_or_where_to_look() -> None:
    text = terminal.render(small_report(charts=(matrix(NAMES),)), 100)
    lines = [line.split() for line in text[text.index("Transfer, pgd") :].splitlines()]
    assert lines[2:4] == [["judged", "on"], ["made", "on", "resnet", "lenet", "mlp"]]
    assert lines[5:9] == [
        ["(as", "they", "are)", "99.0", "95.0", "90.0"],
        ["resnet", "49.5", "85.5", "81.0"],
        ["lenet", "89.1", "47.5", "81.0"],
        ["mlp", "89.1", "85.5", "45.0"],
    ]
    assert "Accuracy %. 95 % intervals reach 3.0 points at most. Columns are judged" in text
    long = [f"a_model_of_long_name_{k}" for k in range(5)]
    text = terminal.render(small_report(charts=(matrix(long),)), 80)
    assert "(as they are)" in text and "3 a_model_of_long_name_2" in text
    (header,) = (line for line in text.splitlines() if line.startswith("made on"))
    assert header.split() == ["made", "on", "1", "2", "3", "4", "5"]
    many = [f"model_{k}" for k in range(30)]
    text = terminal.render(small_report(charts=(matrix(many),)), 100)
    assert "Transfer, pgd, linf 2/16: 31 rows and 30 columns, in the HTML report" in text
    assert "made on" not in text
    assert max(map(len, text.splitlines())) <= 100


def test_maps_with_long_titles_are_fewer_side_by_side() -> None:
    """What is drawn for a map is as wide as its title, at 7 pixels a letter; 26 squares of 36 have room."""
    (short,) = (one for one in sample_report().charts if one.title == "Accuracy under shift")
    assert isinstance(short, GridChart)
    abreast = drawn(short).spec["columns"]
    assert abreast > 1
    names = {facet: facet + ":" + "x" * (26 * 36 // 7 // abreast) for facet in short.facets}
    cells = tuple(dataclasses.replace(one, facet=names[one.facet]) for one in short.cells)
    long = dataclasses.replace(short, facets=tuple(names.values()), cells=cells)
    assert drawn(long).spec["columns"] < abreast


@pytest.mark.parametrize(
    ("maps", "abreast", "independent"), [(4, 4, False), (14, 7, False), (17, 6, True)]
)
def test_places_without_a_map_are_few_and_bear_no_axis(maps: int, abreast: int, independent: bool):
    (chart,) = (one for one in sample_report().charts if one.title == "Accuracy under shift")
    assert isinstance(chart, GridChart)
    facets = tuple(f"shift {number}" for number in range(maps))
    cells = [one for one in chart.cells if one.facet == chart.facets[0]]
    cells = [dataclasses.replace(one, facet=facet) for facet in facets for one in cells]
    spec = drawn(dataclasses.replace(chart, facets=facets, cells=tuple(cells))).spec
    assert spec["columns"] == abreast
    assert spec.get("resolve", {}).get("axis") == ({"x": "independent"} if independent else None)


def test_columns_with_long_names_are_short_on_the_page_and_folded_in_the_terminal() -> None:
    names = [f"shifted_folder:path=/data/sets/imagenet-{letter}{'-' * 60}" for letter in "ar"]
    chart = matrix(names)
    spec = json.dumps(drawn(chart).spec)
    (labels,) = set(re.findall(r'"labelExpr": "(.*?)\[datum.value\]"', spec))
    assert list(json.loads(json.loads(f'"{labels}"')).values()) == [
        f"imagenet-{letter}-…{'-' * 12}" for letter in "ar"
    ]
    lines = terminal.render(small_report(charts=(chart,)), 60).splitlines()
    assert max(map(len, lines)) <= 60
    assert any(line.startswith("made on") for line in lines)


def test_a_map_has_its_facets_above_its_columns() -> None:
    text = terminal.render(sample_report(), 200)
    lines = text[text.index("Accuracy under shift, digits") :].splitlines()
    assert lines[2].split() == ["gaussian_noise", "contrast", "motion_blur", "fog"]
    assert lines[3].split() == ["model", *(["1", "3", "5"] * 4)]
    assert "R². 95 % intervals reach 0.020 at most." in text


def test_a_caption_is_said_once() -> None:
    text = markdown.render(small_report(charts=(matrix(NAMES), matrix(NAMES, title="Again"))))
    assert text.count("Columns are judged on examples") == 1
    assert text.count("### ") == 2


def test_markdown_has_a_table() -> None:
    text = markdown.render(small_report(charts=(matrix(NAMES),)))
    rows = [line for line in text[text.index("### Transfer") :].splitlines() if line[:2] == "| "]
    assert rows[:4] == [
        "| made on | judged on resnet | judged on lenet | judged on mlp |",
        "| :-- | --: | --: | --: |",
        "| (as they are) | 99.0 | 95.0 | 90.0 |",
        "| resnet | 49.5 | 85.5 | 81.0 |",
    ]


def test_json_has_every_chart() -> None:
    report = dataclasses.replace(sample_report(), charts=(*sample_report().charts, matrix(NAMES)))
    kept = json.loads(json_report.render(report))["charts"]
    assert tuple(read_chart(one) for one in kept) == report.charts


def test_there_is_a_square_for_each_cell() -> None:
    drawing = drawn(matrix(NAMES))
    assert (drawing.title, drawing.dataset, drawing.wide) == (
        "Transfer, pgd, linf 2/16",
        "digits",
        False,
    )
    squares = {(square["row"], square["column"]): square for square in squares_of(drawing)}
    assert len(squares) == 12
    one = squares["lenet", "mlp"]
    assert (one["text"], one["figure"], one["beside"]) == (
        "81",
        "81.0 [78.0, 83.0]",
        "25.0 [12.5, 50.0]",
    )
    assert one["said"] == "lenet, mlp: 81.0 [78.0, 83.0]"
    assert {pair for pair, square in squares.items() if square["same"]} == {(n, n) for n in NAMES}
    assert squares["(as they are)", "mlp"]["beside"] == "\N{EM DASH}"


def test_of_very_many_models_some_are_drawn_and_a_cell_may_lack() -> None:
    drawing = drawn(matrix([f"model_{k}" for k in range(50)]))
    assert drawing.wide
    assert drawing.caption.endswith("Only the first 40 of 50 columns are drawn.")
    assert len(squares_of(drawing)) == 41 * 40
    whole = matrix(NAMES)
    lacking = [cell for cell in whole.cells if (cell.row, cell.column) != ("mlp", "lenet")]
    infinite = dataclasses.replace(lacking[0], figure=Figure(value=float("nan")))
    holed = matrix(NAMES, cells=(infinite, *lacking[1:]))
    assert len(squares_of(drawn(holed))) == 10
    assert markdown.render(small_report(charts=(holed,))).count("\N{EM DASH}") == 2


@pytest.mark.parametrize("scheme", ["light", pytest.param("dark", marks=pytest.mark.slow)])
def test_it_is_drawn_offline_and_focuses_on_a_model(
    open_page: Callable[..., Any], scheme: str
) -> None:
    report = dataclasses.replace(sample_report(), charts=(matrix(NAMES),))
    opened = open_page(render(report), scheme=scheme)
    figure = opened.page.locator("figure.chart", has_text="Transfer, pgd")
    squares = figure.locator("svg .mark-rect path")
    assert squares.count() >= 12 + 3
    shown = figure.locator("svg").inner_html()
    assert "made on" in shown and "judged on" in shown and "(as they are)" in shown
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


@pytest.mark.slow
def test_hostile_names_run_nothing(open_page: Callable[..., Any]) -> None:
    chart = matrix(HOSTILE, title=f"Transfer {HOSTILE[0]} {HOSTILE[2]}", caption=HOSTILE[4])
    report = small_report(charts=(chart,))
    for width in (80, 400):
        assert "\x1b" not in terminal.render(report, width)
    table = markdown.render(report).split("### Transfer")[1]
    assert "<script>" not in table and "|b`" not in table
    page = render(report)
    assert "<script>alert(1)" not in page
    opened = open_page(page)
    assert opened.troubles == []
    figure = opened.page.locator("figure.chart", has_text="Transfer")
    assert "[red]x[/red]" in figure.locator("svg").inner_html()


def test_numbers_without_a_unit_keep_three_digits_and_no_exponent() -> None:
    points, shares = Scale(title="change, points"), Scale(title="accuracy", unit="fraction")
    values = (-72.33, -0.09, 0.0, 9.99, 9.999, 153.2)
    assert [short(value, points) for value in values] == [
        "-72.3",
        "-0.09",
        "0.00",
        "9.99",
        "10.0",
        "153",
    ]
    assert [short(value, shares) for value in (0.48, 0.0995, 0.0994, 0.004, 0.0)] == [
        *("48", "10", "9.9", "0.4", "0"),
    ]
    assert axis_format(points) == "~r"  # d3's "g" writes the tick -60 as -6e+1
