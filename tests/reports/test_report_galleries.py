"""Example pictures in the page, and where they lie in the other formats."""

from __future__ import annotations

import base64
import dataclasses
import re
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import pytest
from make_samples import without_bundle
from odd_reports import HOSTILE, hostile_report, small_report
from sample_galleries import (
    GREY,
    gallery,
    png,
    sample_galleries,
    sequence_gallery,
    table_gallery,
    without_picture,
)
from sample_report import sample_report

from harness.api.declaring import Gallery
from harness.api.reporting import ReportData, ShownSheet
from harness_reports import galleries, html, markdown, terminal
from harness_reports.colours import colouring
from harness_reports.format import plain_text
from harness_reports.layout import tables


def report_of(*found: ShownSheet) -> ReportData:
    return dataclasses.replace(sample_report(), charts=(), galleries=lambda: found)


def show(*found: ShownSheet) -> galleries.DrawnGallery:
    report = report_of(*found)
    (drawn,) = galleries.draw_galleries(report, tables(report), colouring(report))
    return drawn


def section(report: ReportData) -> str:
    page = without_bundle(html.render(report))
    found = re.findall(r'<section aria-labelledby="gallery-.*?</section>', page, flags=re.DOTALL)
    return "".join(found)


class _Words(HTMLParser):
    """The text of a page, the labels of its drawings, and its elements."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text: list[str] = []
        self.labels: list[str] = []
        self.tags: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append(tag)
        self.labels += [value for name, value in attrs if name == "aria-label"]

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def test_models_are_in_the_order_of_the_table_and_their_sheets_together():
    shown = show(*sample_galleries())
    models = shown.datasets["digits"]
    assert [model.series for model in models] == ["resnet", "lenet"]  # best first
    assert [sheet.title for sheet in models[0].sheets] == [
        "deepfool, l2 (nearest)",
        "fgsm, linf 1/16",
    ]
    assert models[0].sheets[1].count == "none" and models[0].sheets[1].uri == ""
    assert models[1].sheets[0].count == "the first 2 of 31 that it fooled"
    assert shown.left_out == []


def test_each_part_of_a_picture_is_cut_out_and_described():
    text = section(sample_report())
    words = _Words(text)
    views = re.findall(r'viewBox="([^"]+)" role', text)
    assert views[:6] == [f"{left} {top} 96 96" for top in (0, 104) for left in (0, 104, 208)]
    assert words.labels[:4] == [
        "Example 12 of class seven",
        "perturbation × 8",
        "adversarial nine 54.3 %",
        "Example 40 of class seven",
    ]
    assert words.labels[4] == "perturbation none"
    said = re.sub(r"\s+", " ", " ".join(words.text))
    for part in ("example 12, linf 0.0625", "seed 0", "pgd, linf 1/16", "98.7 %", "× 8", "54.3 %"):
        assert part in said
    uris = re.findall(r'href="data:image/png;base64,([^"]+)"', text)
    assert [base64.b64decode(uri) for uri in uris] == [png(2), png(2)]
    assert text.count("<use ") == 12 and words.tags.count("details") == 2 + 3


def test_a_page_without_pictures_has_no_section():
    assert section(small_report()) == "" and 'id="gallery-0"' not in html.render(small_report())


def test_each_title_has_a_section_with_its_captions_and_each_note_once():
    other = Gallery(title="Hardest examples", caption="Those with the largest loss.")
    report = report_of(*sample_galleries(), gallery(gallery=other, notes=()))
    fooled, hardest = galleries.draw_galleries(report, tables(report), colouring(report))
    assert (fooled.title, hardest.title) == ("Adversarial examples", "Hardest examples")
    assert fooled.explained == f"What attacks did. {GREY}"
    assert hardest.explained == "Those with the largest loss."
    headings = re.findall(r"<h2[^>]*>(.*?)</h2>", section(report))
    assert headings == ["Adversarial examples", "Hardest examples"]


def test_texts_from_outside_make_no_element():
    text = section(hostile_report())
    words = _Words(text)
    assert "script" not in words.tags and "b" in words.tags
    assert "<script>alert" not in text
    shown = "".join(words.text)
    for name in HOSTILE:
        assert plain_text(name) in shown
        assert f"Said {name}" in words.labels or name == HOSTILE[-1]


def test_a_missing_picture_is_left_out_in_words():
    shown = show(gallery(), without_picture(), gallery(problem="is broken"))
    assert [sheet.title for sheet in shown.datasets["digits"][0].sheets] == ["pgd, linf 1/16"]
    assert shown.left_out == [
        "lenet, seed 0: runs/jobs/0a1b/1/gallery_0.png is missing, or is not the picture it was.",
        "lenet, seed 0: runs/jobs/0a1b/1/gallery_0.png is broken.",
    ]
    text = section(report_of(gallery(problem="is broken")))
    assert "gallery_0.png is broken." in text


def test_the_page_stays_small(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(galleries, "MOST_LETTERS", 2 * len(base64.b64encode(png(2))) + 100)
    shown = show(*(gallery(title=f"a{k}") for k in range(5)))
    assert [sheet.title for sheet in shown.datasets["digits"][0].sheets] == ["a0", "a1"]
    assert len(shown.left_out) == 3 and "to keep this page small" in shown.left_out[0]


def test_a_sequence_is_drawn_as_lines():
    shown = show(sequence_gallery())
    (example,) = shown.datasets["digits"][0].sheets[0].examples
    (trace,) = example.traces
    assert (trace.title, trace.edges) == ("feature 2", "−3 to 1")
    assert trace.paths == (
        "M0.0 20.0L120.0 4.0L240.0 36.0",  # 1 is at the top, -3 at the bottom
        "M0.0 12.0L120.0 4.0L240.0 68.0",
    )
    assert trace.said == "feature 2 over 1,500 steps, clean and adversarial: −3 to 1"
    assert example.note == "and 8 more features changed"
    assert [part.title for part in example.panes] == ["clean", "adversarial"]
    text = section(report_of(sequence_gallery()))
    assert "M0.0 20.0L120.0 4.0" in text and "<image" not in text


def test_a_model_with_one_example_alone_is_open_from_the_start():
    assert '<details class="model" data-architecture="lenet" open>' in section(
        report_of(sequence_gallery())
    )
    assert '<details class="model" data-architecture="lenet">' in section(report_of(gallery()))


def test_a_row_of_a_table_is_drawn_as_bars():
    shown = show(table_gallery())
    (example,) = shown.datasets["digits"][0].sheets[0].examples
    first, second = example.bars
    assert (first.title, first.words, first.share) == ("feature 4", "0.128 → 0.122", "−5.0 %")
    assert (first.left, first.width) == ("0.0%", "50.0%")
    assert (second.words, second.share) == ("−3 → −1", "+2.5 %")
    assert (second.left, second.width) == ("50.0%", "25.0%")
    assert example.note == ""
    assert "A bar is a change as a share of the feature’s range." in shown.explained
    assert "grey" not in shown.explained


def test_other_formats_say_where_the_pictures_lie():
    line = (
        "Adversarial examples: 2 galleries in the HTML report; that of lenet, pgd, linf 1/16, "
        "is runs/jobs/0a1b/1/gallery_0.png"
    )
    assert line in terminal.render(sample_report(), 200)
    assert line in markdown.render(sample_report())
    only = report_of(gallery())
    assert "Adversarial examples: a gallery in the HTML report" in terminal.render(only, 200)
    for render in (markdown.render, terminal.render):
        assert "Adversarial examples" not in render(
            report_of(gallery(problem="x", examples=(), picture=None))
        )


@pytest.mark.slow
def test_in_a_browser(open_page: Callable[..., Any]):
    opened = open_page(html.render(report_of(*sample_galleries(), sequence_gallery())), width=420)
    page = opened.page
    panes = page.locator(".pane svg")
    assert panes.count() == 12 and page.locator(".pane svg:visible").count() == 0
    page.locator("details.model > summary").first.click()
    assert page.locator(".pane svg:visible").count() == 6  # those of resnet
    box = panes.nth(0).bounding_box()
    assert 60 < box["width"] <= 96 and box["width"] == pytest.approx(box["height"], abs=1)
    assert page.evaluate("document.documentElement.scrollWidth") <= 420
    page.fill("#filter", "lenet")
    assert page.locator("details.model:visible").count() == 1
    page.fill("#filter", "vit")
    assert page.locator(".attacked:visible").count() == 0
    page.fill("#filter", "")
    page.select_option("#dataset", label="diabetes")
    assert page.locator("details.model:visible").count() == 0
    assert opened.troubles == []
    assert all(url.startswith(("file:", "data:", "blob:")) for url in opened.requests)
