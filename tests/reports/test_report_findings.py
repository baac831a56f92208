"""Findings stand in every report that a person reads, with what to do, and escaped."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable

import pytest
from odd_reports import HOSTILE, hostile_report, small_report
from rendered import page_of
from sample_findings import sample_findings
from sample_report import sample_report

from harness.api.reporting import ModelFinding, ReportData
from harness_reports import html, markdown, terminal
from harness_reports.findings import doubts, summary

RENDERERS: dict[str, Callable[[ReportData], str]] = {
    "terminal": lambda report: terminal.render(report, 200),
    "html": html.render,
    "markdown": markdown.render,
}


def test_findings_of_a_sort_are_together_and_doubts_come_first() -> None:
    found = doubts(sample_report())
    assert [(one.dataset, one.title, one.is_doubt) for one in found] == [
        ("digits", "gradients are zero", True),
        ("digits", "more steps would break more", True),
        ("digits", "good to know", False),
        ("diabetes", "clean accuracy is that of guessing", True),
    ]
    assert [one.who for one in found[0].said] == ["vit (3 of 3 seeds, figures of #0)"]
    place = "(1 of 3 seeds, #1)"
    assert [one.who for one in found[1].said] == [f"resnet {place}, mlp {place}", f"lenet {place}"]
    assert found[3].said[0].who == "mlp"


def test_many_models_that_share_a_sentence_are_counted() -> None:
    one = sample_findings()[-1]
    many = tuple(dataclasses.replace(one, series=f"net{place}") for place in range(9))
    (doubt,) = doubts(small_report(findings=many))
    assert [one.who for one in doubt.said] == ["net0, net1, net2, net3, net4 and 4 more"]


def test_the_summary_says_how_many_looked() -> None:
    report = sample_report()
    assert summary(report) == ("18 measurements were audited; figures of 5 models are marked.")
    assert summary(small_report(audited=1)) == (
        "1 measurement was audited; nothing was found that makes figures doubtful."
    )
    assert summary(small_report()) == ""


def test_the_summary_counts_a_marked_figure_that_has_no_finding() -> None:
    (row,) = small_report().rows
    impossible = dataclasses.replace(row.figures["headline"], doubtful=True)
    marked = dataclasses.replace(row, figures={"headline": impossible})
    said = "1 measurement was audited; figures of 1 model are marked."
    assert summary(small_report(rows=(marked,), audited=1)) == said
    floor = dataclasses.replace(marked, floor=True)
    assert "nothing was found" in summary(small_report(rows=(floor,), audited=1))


def test_what_was_found_about_a_fit_marks_no_figure() -> None:
    fit = dataclasses.replace(sample_findings()[1], of_fit=True)
    said = "Nothing was found that makes figures doubtful."
    assert summary(small_report(findings=(fit,))) == "1 model is doubtful as trained."
    assert summary(small_report(findings=(dataclasses.replace(fit, flag=""),))) == said


@pytest.mark.parametrize("name", RENDERERS)
def test_sentence_and_advice_stand_in_the_report(name: str) -> None:
    def words(text: str) -> str:
        plain = re.sub(r"<[^>]*>|\\", " ", text)
        return re.sub(r"\s+", " ", plain.replace("&#39;", "'"))

    text = words(RENDERERS[name](sample_report()))
    for finding in sample_findings():
        assert finding.sentence in text and f"What to do: {finding.advice}" in text
    assert "Findings" not in words(RENDERERS[name](small_report()))
    assert "nothing was found that makes" in words(RENDERERS[name](small_report(audited=3)))


def test_findings_from_outside_make_no_markup() -> None:
    page = page_of(hostile_report)
    assert page.count('class="findings"') == 1
    (section,) = re.findall(r'<ul class="findings">.*?</ul>', page, flags=re.DOTALL)
    assert section.count("<li data-dataset=") == len(HOSTILE)
    assert "<script>" not in section and "&lt;script&gt;alert(1)&lt;/script&gt;" in section
    text = terminal.render(hostile_report(), 120)
    assert "\x1b" not in text and "[red]x[/red] (" in text
    assert "- \\<script\\>alert(1)\\</script\\>" in markdown.render(hostile_report())


def test_a_finding_without_a_seed_names_the_model_alone() -> None:
    bare = ModelFinding(
        dataset="d", series="all models", code="x", flag="x", sentence="s.", advice="a."
    )
    (doubt,) = doubts(small_report(findings=(bare,)))
    assert doubt.said[0].who == "all models"
