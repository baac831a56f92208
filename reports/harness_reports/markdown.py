"""Tables and verdicts in GitHub's Markdown, for a pull request or a README."""

from __future__ import annotations

import re

from harness.api import DataNote
from harness.api.reporting import ReportData
from harness_reports.chart_tables import ChartTable, chart_tables, said_once
from harness_reports.findings import doubts, summary
from harness_reports.format import UNITS, Marks, cell, plain, plain_lines, titled
from harness_reports.layout import (
    Table,
    claim_lines,
    count_facts,
    dataset_facts,
    gallery_facts,
    groups,
    provenance_facts,
    rank,
    row_name,
    run_facts,
    some_labels,
    tables,
    time_tables,
    unfinished,
)

# Underscores inside words are text in GitHub's Markdown, so most names stay readable.
_SPECIAL = re.compile(r"[\\`*\[\]<>|~#!$]|(?<![^\W_])_|_(?![^\W_])")


def render(report: ReportData) -> str:
    """Return the report as Markdown; names and reasons are escaped."""
    marks = Marks()
    facts = ", ".join(
        escape(value) if word == "status" else f"{escape(word)} {escape(value)}"
        for word, value in run_facts(report)
    )
    parts = [f"# {escape(report.run)}", facts, escape(report.provenance.description)]
    parts += ["\n".join(f"- **{escape(sentence)}**" for sentence in report.verdicts)]
    for table in tables(report):
        facts = dataset_facts(table)
        parts.append(f"## {escape(table.dataset.name)}" + (f", {facts}" if facts else ""))
        parts += [_note(note) for note in table.dataset.notes if note.shown(whole=False)]
        parts.append(_table(table, marks))
    parts.append("  \n".join(f"{escape(mark)} {escape(note)}" for mark, note in marks.legend()))
    several = len(report.datasets) > 1
    parts += [_chart(*found, several) for found in said_once(chart_tables(report))]
    parts += map(escape, gallery_facts(report))
    parts.append(_claims(report))
    parts.append(_findings(report))
    parts.append(_unfinished(report))
    parts.append(_provenance(report))
    parts.append(_times(report))
    counts = ", ".join(f"{count:,} {escape(status)}" for status, count in count_facts(report))
    parts.append(f"Jobs: {counts or 'none'}.")
    return "\n\n".join(part for part in parts if part) + "\n"


def _provenance(report: ReportData) -> str:
    """Return the command, commit, trainings and suite, folded."""
    found = report.provenance
    lines = [f"- {name}: {_code(value)}" for name, value in provenance_facts(report)]
    for one in found.trainings:
        facts = ", ".join(f"{escape(name)} {escape(value)}" for name, value in one.facts)
        where = f", {escape(one.dataset)}" if len(report.datasets) > 1 else ""
        lines.append(f"- {escape(one.series)}{where}: {facts}")
    body = "\n".join(lines)
    if found.suite_text:
        longest = max((len(run) for run in re.findall("`+", found.suite_text)), default=0)
        fence = "`" * max(3, longest + 1)
        body += f"\n\n{fence}toml\n{found.suite_text}{fence}"
    if not body.strip():
        return ""
    return f"<details><summary>Where the figures come from</summary>\n\n{body}\n\n</details>"


def _claims(report: ReportData) -> str:
    """Return the claims of the suite, each with its outcome and the figures behind it."""
    lines = ["### Claims", ""] if report.claims else []
    for claim in report.claims:
        lines.append(f"- **{escape(claim.outcome)}** {escape(claim.expect)}")
        lines += [f"  - {escape(words)}" for words in claim_lines(claim)]
    return "\n".join(lines)


def _times(report: ReportData) -> str:
    """Return where the time went, folded."""
    lines = [
        f"- {escape(title)}: " + "; ".join(f"{escape(what)} {spent}" for what, spent in rows)
        for title, rows in time_tables(report.times)
    ]
    if not lines or report.times is None:
        return ""
    lines += [f"- {escape(sentence)}" for sentence in report.times.advice]
    body = "\n".join(lines)
    return f"<details><summary>Where the time of the run went</summary>\n\n{body}\n\n</details>"


def _code(text: str) -> str:
    """Return text as inline code on one line, inside more backticks than it has in a row."""
    text = plain(text)
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    marks = "`" * (longest + 1)
    return f"{marks} {text} {marks}" if longest else f"`{text}`"


def escape(text: str) -> str:
    """Return text from outside so that Markdown shows it as it is, on one line."""
    text = _SPECIAL.sub(lambda found: "\\" + found[0], plain(text).replace("&", "&amp;"))
    return text.replace("@", "&#64;")


def _table(table: Table, marks: Marks) -> str:
    ranked = any(row.rank for row in table.rows)
    headers = ["architecture", *table.axes]
    headers += [titled(column) for column in table.columns]
    headers += ["group", "rank"] if ranked else ["group"]
    rules = [":--"] * (1 + len(table.axes)) + ["--:"] * len(table.columns) + [":--"] * 2
    lines = [_line([escape(header) for header in headers]), _line(rules[: len(headers)])]
    for row in table.rows:
        cells = [escape(row_name(row))]
        cells += [escape(str(getattr(row, axis))) for axis in table.axes]
        for column in table.columns:
            figure = row.figures.get(column.key)
            text = cell(figure, column.unit)
            cells.append(
                (text if column.unit in UNITS else escape(text)) + escape(marks.of(figure))
            )
        cells.append(escape(" ".join(groups(row))))
        if ranked:
            cells.append(escape(rank(row)))
        lines.append(_line(cells))
    return "\n".join(lines)


def _note(note: DataNote) -> str:
    """Return what the data were taken for, in short: what was left out or changed."""
    lines = [escape(note.title), "", _line([escape(name) for name in note.header])]
    lines.append(_line([":--"] * len(note.header)))
    lines += [_line([escape(text) for text in row]) for row in note.shown(whole=False)]
    return "\n".join(lines)


def _chart(chart: ChartTable, words: str, several: bool) -> str:
    title = escape(chart.title) + (f", {escape(chart.dataset)}" if several else "")
    heads = [" ".join(text for text in header if text) for header in chart.columns]
    lines = [f"### {title}", "", escape(words), ""]
    lines += [_line([escape(header) for header in (chart.corner, *heads)])]
    lines += [_line([":--", *(["--:"] * len(heads))])]
    lines += [_line([escape(name), *map(escape, cells)]) for name, cells in chart.rows]
    return "\n".join(lines)


def _findings(report: ReportData) -> str:
    said = summary(report)
    if not said:
        return ""
    parts = ["## Findings", escape(said)]
    for doubt in doubts(report):
        lines = [f"**{escape(doubt.dataset)}: {escape(doubt.title)}**", ""]
        lines += [f"- {escape(one.who)}: {escape(one.sentence)}" for one in doubt.said]
        parts += ["\n".join(lines), f"What to do: {escape(doubt.advice)}"]
    return "\n\n".join(parts)


def _unfinished(report: ReportData) -> str:
    found = unfinished(report)
    if not found:
        return ""
    lines = ["## Failed and skipped", ""]
    lines += [_line(["status", "jobs", "reason", "which"]), _line([":--", "--:", ":--", ":--"])]
    for one in found:
        number = str(len(one.jobs))
        reason = "<br>".join(map(escape, plain_lines(one.reason))) or "no reason given"
        lines.append(_line([escape(one.status), number, reason, escape(some_labels(one.jobs))]))
    return "\n".join(lines)


def _line(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"
