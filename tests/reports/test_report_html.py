"""The page as text: what it holds, and that nothing breaks out of it."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import altair
import jsonschema
import pytest
from make_samples import without_bundle
from odd_reports import HOSTILE, hostile_report, large_report, small_report
from rendered import page_of
from sample_charts import matrix
from sample_report import sample_report

from harness.api.reporting import ClaimPart, JudgedClaim, ReportData
from harness_reports.charts import draw
from harness_reports.colours import colouring
from harness_reports.html import embed, render


def _sample_page() -> str:
    return without_bundle(page_of(sample_report))


class _Elements(HTMLParser):
    """Counts elements, and keeps the text outside script and style."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append(tag)
        assert not any(name.startswith("on") for name, _ in attrs)

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def _charts(report: ReportData) -> list[Any]:
    return draw(report, colouring(report))


@pytest.mark.slow
def test_charts_keep_to_the_schema_of_vega_lite() -> None:
    """A page is drawn without looking; of each kind of chart one is enough."""
    report = sample_report()
    kinds = {type(data): data for data in report.charts}
    assert len(kinds) == 3
    for chart in draw(replace(report, charts=tuple(kinds.values())), colouring(report)):
        altair.Chart.from_dict(chart.spec)
        with pytest.raises(jsonschema.ValidationError):
            altair.Chart.from_dict(chart.spec | {"background": 3})


def test_the_page_says_all_parts() -> None:
    page = _sample_page()
    for text in (
        "quick-0007",
        "Which model should I take?",
        "digits: take lenet.",
        "99.1 ± 0.5",
        "or r²",
        "takes images; diabetes is a table",
        "Share of test examples that are classified correctly",
        "How the figures came about",
        "a single observation: no interval",
    ):
        assert text in page


def test_names_from_outside_make_no_element() -> None:
    page = page_of(hostile_report)
    elements = _Elements(page)
    assert elements.tags.count("script") == 4
    shown = "".join(elements.text)
    for name in HOSTILE[:-1]:
        assert name in shown
    assert "<script>alert" not in page


def test_the_script_sorts_by_the_headers_of_the_main_table_alone() -> None:
    """Tables of words, such as what data were taken for, have headers without buttons."""
    page = _sample_page()
    assert 'all("thead th")' not in page and page.count('all("#table thead th")') == 2


def test_json_in_a_script_cannot_end_it() -> None:
    text = str(embed({"x": "</script><!-- &\u2028"}))
    assert not set("<>&\u2028") & set(text)
    assert json.loads(text) == {"x": "</script><!-- &\u2028"}


def test_the_page_names_no_address() -> None:
    page = re.sub(r'"data:image/png;base64,[A-Za-z0-9+/=]+"', "", _sample_page())
    assert not re.findall(r"(?:https?:)?//[a-z]", page.replace("// ", ""))
    assert "default-src 'none'" in page


def test_charts_carry_no_version_and_no_colour() -> None:
    charts = _charts(sample_report())
    text = json.dumps([chart.spec for chart in charts])
    assert "$schema" not in text
    assert not re.findall(r"#[0-9a-f]{6}", text)
    assert [(chart.title, chart.dataset) for chart in charts] == [
        ("Accuracy against throughput", "digits"),
        ("R² against throughput", "diabetes"),
        ("Accuracy under attack, linf", "digits"),
        ("Accuracy under attack, l2", "digits"),
        ("Accuracy under shift", "digits"),
        ("R² under shift", "diabetes"),
    ]


def test_the_front_holds_what_nothing_beats() -> None:
    charts = _charts(sample_report())
    spec = charts[0].spec
    front = spec["datasets"][spec["layer"][0]["data"]["name"]]
    assert front == [
        {"x": 21_400, "y": 0.991},
        {"x": 63_100, "y": 0.988},
        {"x": 141_000, "y": 0.961},
    ]


def test_wide_maps_ask_for_the_whole_width() -> None:
    assert [chart.wide for chart in _charts(sample_report())][4:] == [False, False]
    wide = _charts(small_report(charts=(matrix([f"model {k}" for k in range(20)]),)))
    assert [chart.wide for chart in wide] == [True]


def test_a_run_without_charts_says_so() -> None:
    assert _charts(small_report()) == []
    assert "No measure of this run has a chart." in render(small_report())


def test_bars_of_a_column_share_a_scale() -> None:
    page = _sample_page()
    rows = re.findall(r'<tr class="model">.*?</tr>', page, flags=re.DOTALL)
    best = re.search(r"left:([\d.]+)%;width:([\d.]+)%", rows[0])
    worst = re.search(r"left:([\d.]+)%;width:([\d.]+)%", rows[5])
    assert best is not None and worst is not None
    assert float(best[1]) + float(best[2]) == pytest.approx(100, abs=0.2)
    assert float(worst[1]) == 0
    assert "bar" not in rows[0].split("21,400")[1]


def test_the_bar_of_a_claim_shows_where_it_holds() -> None:
    """From 0.1 to 0.3 beside a margin of 0.05, on a scale of 0.25 with an eighth more at both ends."""
    part = ClaimPart(
        where="", outcome="confirmed", unit="fraction", left=0.5, right=0.3, value=0.2, low=0.1, high=0.3,
        relative=False, method="t", seeds=3, margin=0.05,
    )  # fmt: skip
    parts = (
        part,
        replace(part, greater=False, outcome="contradicted"),
        replace(part, low=None, high=None, value=0.05),
    )
    claim = JudgedClaim(
        expect="a(x) > a(y) + 0.05",
        says="One more.",
        source="Ito 2020",
        outcome="contradicted",
        parts=parts,
    )
    page = without_bundle(render(replace(small_report(), claims=(claim,))))
    assert "1 contradicted." in page and '<p class="says">One more.</p>' in page
    bars = re.findall(
        r'<s style="(.*?)"></s><u style="left:(.*?)"></u><i style="left:(.*?);width:(.*?)"></i>',
        page,
    )
    assert bars == [
        ("left:9.7%;right:0", "9.7%", "25.8%", "64.5%"), ("left:0;width:9.7%", "9.7%", "25.8%", "64.5%"),
    ]  # fmt: skip


def test_a_missing_figure_is_a_dash_without_a_value() -> None:
    page = _sample_page()
    assert '<td class="number missing" data-value="" title="not measured">—</td>' in page


def test_two_hundred_rows_stay_small() -> None:
    page = without_bundle(page_of(large_report))
    assert page.count('<tr class="model">') == 200
    assert len(page) < 2_000_000
    assert "Only the first 40 of 100 rows are drawn." in page
    assert "88 others" in page


def test_no_text_from_outside_turns_what_is_beside_it_or_is_no_character_of_html() -> None:
    page = render(replace(hostile_report(), run="a\u202eb\x1bc\x07d"))
    text = " ".join(_Elements(without_bundle(page)).text)
    assert "a b c d" in text
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", text)
