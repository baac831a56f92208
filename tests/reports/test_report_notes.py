"""What data were taken for stands in every report that a person reads, and escaped."""

from __future__ import annotations

import dataclasses

from odd_reports import hostile_report
from rendered import page_of
from sample_report import sample_report

from harness.api import DataNote
from harness.api.reporting import THE_DATA, ModelFinding, ReportData
from harness_reports import html, markdown, terminal
from harness_reports.findings import summary

NOTE = DataNote(
    title="Columns of data.csv, 1 of 2 left out",
    header=("column", "taken for", "why"),
    rows=(("height", "number", "1.5"), ("row_id", "left out", "0, 1, 2 in order")),
    told=(1,),
)


def noted(note: DataNote = NOTE) -> ReportData:
    report = sample_report()
    info = dataclasses.replace(report.datasets[0], notes=(note,))
    return dataclasses.replace(report, datasets=(info, *report.datasets[1:]), charts=())


def test_the_page_has_all_of_it_folded() -> None:
    page = html.render(noted())
    assert "<summary>digits: Columns of data.csv, 1 of 2 left out</summary>" in page
    assert "<td>height</td><td>number</td><td>1.5</td>" in page
    assert 'id="data"' not in page_of(sample_report)


def test_terminal_and_markdown_tell_what_was_left_out() -> None:
    text, mark = terminal.render(noted(), 120), markdown.render(noted())
    head = "    column  taken for  why\n"
    assert f"{head}    row_id  left out   0, 1, 2 in order\n" in text and "height" not in text
    assert "| row_id | left out | 0, 1, 2 in order |" in mark and "height" not in mark
    plain = dataclasses.replace(NOTE, told=())
    assert "Columns of" not in terminal.render(noted(plain), 120) + markdown.render(noted(plain))


def test_a_long_note_is_counted_in_the_terminal() -> None:
    rows = tuple((f"c{place}", "left out", "") for place in range(30))
    text = terminal.render(noted(dataclasses.replace(NOTE, rows=rows, told=None)), 120)
    assert "c11" in text and "c12" not in text and "and 18 more, in the HTML report" in text


def test_notes_from_outside_make_no_markup() -> None:
    page, text = page_of(hostile_report), terminal.render(hostile_report(), 120)
    (section,) = page.split('<section aria-labelledby="data">')[1:]
    section = section.split("</section>")[0]
    assert "<td>&lt;script&gt;alert(1)&lt;/script&gt;</td>" in section and "<script" not in section
    assert "<script>alert(1)</script>" in text
    assert "| a\\|b\\`c\\*d | \\<script\\>alert(1)\\</script\\> |" in markdown.render(
        hostile_report()
    )


def test_findings_of_the_data_make_all_figures_doubtful() -> None:
    found = ModelFinding(
        dataset="digits", series=THE_DATA, code="x", flag="copies", sentence="S.", advice="A."
    )
    report = dataclasses.replace(sample_report(), findings=(found,), audited=0)
    assert summary(report) == "All figures on digits are doubtful."
    assert "the data: S." in terminal.render(report, 120)
    both = dataclasses.replace(sample_report(), findings=(*sample_report().findings, found))
    assert summary(both) == (
        "18 measurements were audited; figures of 5 models are marked, and all figures on digits are doubtful."
    )
