"""The page in a real browser: it sorts, filters, draws, and asks the network for nothing."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from odd_reports import hostile_report, large_report, small_report
from rendered import page_of
from sample_report import sample_report

from harness.api.reporting import Figure
from harness_reports import csv
from harness_reports.html import render


@pytest.fixture(scope="module")
def text() -> str:
    return page_of(sample_report)


def _names(page: Any, body: int = 0) -> list[str]:
    rows = page.locator(f'tbody[data-dataset="{body}"] tr.model:visible th')
    return [name.strip() for name in rows.all_inner_texts()]


def _calm(opened: Any) -> None:
    assert opened.troubles == []
    assert all(url.startswith(("file:", "data:", "blob:")) for url in opened.requests)


def test_headers_sort_both_ways(open_page: Callable[..., Any], text: str) -> None:
    opened = open_page(text)
    page = opened.page
    assert _names(page) == ["resnet", "lenet", "vit", "mixer", "gru", "mlp"]

    def press(name: str) -> str | None:
        header = page.locator("thead th", has_text=name)
        header.locator("button").click()
        sort: str | None = header.get_attribute("aria-sort")
        return sort

    assert press("throughput") == "descending"  # best first
    assert _names(page) == ["mlp", "lenet", "gru", "resnet", "mixer", "vit"]
    assert press("throughput") == "ascending"
    assert _names(page) == ["vit", "mixer", "resnet", "gru", "lenet", "mlp"]
    assert press("p99 latency") == "ascending"
    assert _names(page) == ["mlp", "lenet", "gru", "resnet", "vit", "mixer"]  # missing: last
    assert press("p99 latency") == "descending"
    assert _names(page) == ["vit", "resnet", "gru", "lenet", "mlp", "mixer"]
    assert press("model") == "ascending"
    assert _names(page) == ["gru", "lenet", "mixer", "mlp", "resnet", "vit"]
    assert _names(page, 1) == ["gru", "mlp"]  # each data set by itself
    assert page.locator("thead [aria-sort]").count() == 1
    page.locator("thead th button").nth(1).focus()
    page.keyboard.press("Enter")
    assert _names(page) == ["resnet", "lenet", "vit", "mixer", "gru", "mlp"]
    _calm(opened)


def test_floors_stay_below_the_models_however_they_are_sorted(
    open_page: Callable[..., Any],
) -> None:
    row = small_report().rows[0]
    rows = tuple(
        dataclasses.replace(
            row,
            architecture=name,
            floor=name == "linear",
            figures={"headline": Figure(value=value)},
        )
        for name, value in (("mlp", 0.9), ("gru", 0.8), ("linear", 0.85))
    )
    opened = open_page(render(small_report(rows=rows)))
    header = opened.page.locator("thead th", has_text="accuracy").locator("button")
    orders = []
    for _ in range(2):
        header.click()
        orders.append([name.split()[0] for name in _names(opened.page)])
    assert orders == [["mlp", "gru", "linear"], ["gru", "mlp", "linear"]]
    _calm(opened)


@pytest.mark.slow
def test_filters_hide_rows_and_charts(open_page: Callable[..., Any], text: str) -> None:
    opened = open_page(text)
    page = opened.page
    page.fill("#filter", "M")
    assert (_names(page), _names(page, 1)) == (["mixer", "mlp"], ["mlp"])
    assert page.inner_text("#shown") == "3 of 8 rows"
    page.fill("#filter", "no such")
    assert page.locator("tbody:visible").count() == 0
    page.fill("#filter", "")
    page.select_option("#dataset", label="diabetes")
    assert (_names(page), _names(page, 1)) == ([], ["mlp", "gru"])
    assert page.locator("figure.chart:visible").count() == 2
    page.select_option("#dataset", label="all data sets")
    assert page.locator("figure.chart:visible").count() == 6
    assert page.inner_text("#shown") == "8 rows"
    _calm(opened)


def test_charts_are_drawn_and_focus_on_one_model(open_page: Callable[..., Any], text: str) -> None:
    opened = open_page(text)
    page = opened.page
    plots = page.locator(".plot svg")
    assert plots.count() == 6
    assert all(plots.nth(place).bounding_box()["width"] > 150 for place in range(6))
    drawn = plots.nth(0).inner_html()
    assert "resnet" in drawn and "1/16" in plots.nth(2).inner_html()
    faint = plots.nth(0).locator('path[opacity="0.12"]')
    assert faint.count() == 0
    chip = page.locator("button.chip", has_text="lenet")
    chip.click()
    assert chip.get_attribute("aria-pressed") == "true"
    page.wait_for_function(
        "document.querySelectorAll('.plot svg')[0].innerHTML.includes('opacity=\"0.12\"')"
    )
    chip.click()
    assert page.locator('[aria-pressed="true"]').count() == 0
    _calm(opened)


@pytest.mark.slow
def test_the_metrics_and_the_charts_can_be_saved(open_page: Callable[..., Any], text: str) -> None:
    opened = open_page(text)
    with opened.page.expect_download() as caught:
        opened.page.click("#download")
    assert caught.value.suggested_filename == "quick-0007.csv"
    assert Path(caught.value.path()).read_text(encoding="utf-8") == csv.render(sample_report())
    with opened.page.expect_download() as caught:
        opened.page.locator("button.save").first.click()
    assert Path(caught.value.path()).read_text(encoding="utf-8").startswith("<svg")
    _calm(opened)


@pytest.mark.slow
def test_a_wide_chart_scrolls_in_its_own_box(open_page: Callable[..., Any]) -> None:
    opened = open_page(render(large_report(12)), width=420)
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= 420
    box = "(box => [box.clientWidth, box.scrollWidth])(document.querySelector('.wide .plot'))"
    seen, whole = opened.page.evaluate(box)
    assert seen <= 386 < whole  # nothing is cut off
    _calm(opened)


@pytest.mark.parametrize("width", [1280, pytest.param(420, marks=pytest.mark.slow)])
def test_light_and_dark_fit_the_window(
    open_page: Callable[..., Any], text: str, width: int
) -> None:
    opened = open_page(text, width=width)
    page = opened.page
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    background = "getComputedStyle(document.body).backgroundColor"
    assert page.evaluate(background) == "rgb(247, 247, 245)"
    light = page.locator(".plot svg").first.inner_html()
    page.emulate_media(color_scheme="dark")
    assert page.evaluate(background) == "rgb(17, 19, 22)"
    page.wait_for_function(
        "before => document.querySelector('.plot svg')?.innerHTML !== before", arg=light
    )
    assert "#58a9ea" in page.locator(".plot svg").first.inner_html().lower()
    _calm(opened)


def test_hostile_names_run_nothing(open_page: Callable[..., Any]) -> None:
    opened = open_page(page_of(hostile_report))
    assert "<script>alert(1)</script>" in _names(opened.page)
    assert opened.page.locator(".plot svg").count() > 0
    opened.page.locator("button.chip").first.click()
    opened.page.locator(".plot svg .mark-symbol path").first.hover(force=True)
    opened.page.wait_for_selector("#vg-tooltip-element.visible")
    _calm(opened)


@pytest.mark.slow
def test_one_row_and_two_hundred(open_page: Callable[..., Any]) -> None:
    small = open_page(render(small_report()))
    assert _names(small.page) == ["mlp"]
    assert small.page.locator("#dataset").count() == 0
    _calm(small)
    large = open_page(page_of(large_report))
    assert large.page.inner_text("#shown") == "200 rows"
    large.page.fill("#filter", "model_07")
    assert large.page.inner_text("#shown") == "20 of 200 rows"
    _calm(large)


@pytest.mark.slow
def test_a_model_that_shares_a_grey_is_seen_alone(open_page: Callable[..., Any]) -> None:
    opened = open_page(page_of(large_report))
    page = opened.page
    others = page.locator("#others")
    assert others.locator("option").count() == 89 and others.input_value() == ""
    drawn = page.locator(".plot svg").first
    bright = drawn.locator('path[aria-roledescription="point"]:not([opacity="0.12"])')
    everyone = bright.count()
    others.select_option("timm/model_050.in1k")
    page.wait_for_function(
        "document.querySelector('.plot svg').innerHTML.includes('opacity=\"0.12\"')"
    )
    assert 0 < bright.count() < everyone / 50
    page.locator("button.chip").first.click()
    assert others.input_value() == ""
    _calm(opened)
