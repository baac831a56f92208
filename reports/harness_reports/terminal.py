"""Tables and verdicts as plain text, or as a rich renderable for a live terminal."""

from __future__ import annotations

import io
import shutil
from textwrap import wrap

from rich import box
from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table as RichTable
from rich.text import Text

from harness.api.reporting import Column, ReportData, counted
from harness_reports.chart_tables import ChartTable, chart_tables, said_once, without_repeats
from harness_reports.findings import doubts, summary
from harness_reports.format import DASH, Marks, cell, plain, plain_lines, titled
from harness_reports.layout import (
    Table,
    claim_lines,
    count_facts,
    dataset_facts,
    gallery_facts,
    groups,
    rank,
    row_name,
    run_facts,
    some_labels,
    tables,
    unfinished,
)

GAP = 3
LEAST_WIDTH = 40
LEAST_HEADER = 12
MOST_ROWS, MOST_COLUMNS = 24, 24  # of a chart that is printed as a table
MOST_NOTES = 12  # rows of a note about the data
FAILED = frozenset({"failed", "oom", "timeout", "crashed"})

# A header (its lines), its cells, and whether they are numbers.
_CLAIM_STYLES = {
    "confirmed": "green",
    "contradicted": "bold red",
    "undecided": "yellow",
    "not judged": "yellow",
}
TextColumn = tuple[str, list[str], bool]


def render(report: ReportData, width: int | None = None, colour: bool = False) -> str:
    """Return the report as text.

    Args:
        report: The finished run.
        width: In columns; that of the terminal (or of ``COLUMNS``), else 100.
        colour: Whether to write the codes of a terminal for colours and weights.
    """
    if width is None:
        width = shutil.get_terminal_size((100, 24)).columns
    sink = io.StringIO()
    console = Console(
        file=sink,
        width=max(width, LEAST_WIDTH),
        color_system="standard" if colour else None,
        force_terminal=colour,
        force_jupyter=False,
        legacy_windows=False,
    )
    console.print(render_rich(report, console.width))
    return "\n".join(line.rstrip() for line in sink.getvalue().splitlines()).strip("\n") + "\n"


def render_rich(report: ReportData, width: int = 100) -> RenderableType:
    """Return what a rich console of that `width` prints; names are never read as markup."""
    marks = Marks()
    parts: list[RenderableType] = [_heading(report)]
    if about := report.provenance.description:
        parts += ["", Text(plain(about))]
    if report.verdicts:  # first, as in other formats: tables of charts may take hundreds of lines
        parts.append("")
        parts += [Text(plain(sentence), style="bold") for sentence in report.verdicts]
    for table in tables(report):
        parts += ["", _title(table), *_notes(table)]
        parts += _blocks(_who(table), _what(table, marks), width)
    for mark, meaning in marks.legend():
        parts.append(Text(f"{mark} {meaning}", style="dim"))
    for chart, words in said_once(chart_tables(report)):
        parts += _chart(chart, words, several=len(report.datasets) > 1, width=width)
    parts += _claims(report)
    parts += _findings(report)
    for pictures in gallery_facts(report):
        parts += ["", Text(plain(pictures), style="dim", overflow="fold")]
    parts += _unfinished(report)
    parts += ["", _counts(report)]
    return Group(*parts)


def _claims(report: ReportData) -> list[RenderableType]:
    """Return the claims of the suite, each with its outcome and the figures behind it."""
    parts: list[RenderableType] = [Text("\nclaims", style="bold")] if report.claims else []
    for claim in report.claims:
        line = Text(f"  {claim.outcome}  ", style=_CLAIM_STYLES[claim.outcome])
        parts.append(line.append(plain(claim.expect), style="not bold"))
        parts += [
            Padding(Text(plain(words), style="dim"), (0, 0, 0, 6)) for words in claim_lines(claim)
        ]
    return parts


def _heading(report: ReportData) -> Text:
    facts = [
        plain(value if word == "status" else f"{word} {value}") for word, value in run_facts(report)
    ]
    return Text(plain(report.run), style="bold").append("\n" + ", ".join(facts), style="not bold")


def _title(table: Table) -> Text:
    text = Text(plain(table.dataset.name), style="bold cyan")
    facts = dataset_facts(table)
    return text.append(f", {facts}" if facts else "", style="not bold")


def _notes(table: Table) -> list[RenderableType]:
    """Return what the data were taken for, in short: what was left out or changed."""
    parts: list[RenderableType] = []
    for note in table.dataset.notes:
        rows = note.shown(whole=False)
        if not rows:
            continue
        parts.append(Padding(Text(plain(note.title)), (0, 0, 0, 2)))
        grid = RichTable.grid(padding=(0, 2, 0, 0))
        grid.show_header = True
        for name in note.header:
            grid.add_column(Text(plain(name)), overflow="fold")
        for cells in rows[:MOST_NOTES]:
            grid.add_row(*(Text(plain(text)) for text in cells), style="dim")
        parts.append(Padding(grid, (0, 0, 0, 4)))
        if len(rows) > MOST_NOTES:
            rest = f"and {len(rows) - MOST_NOTES} more, in the HTML report"
            parts.append(Padding(Text(rest, style="dim"), (0, 0, 0, 4)))
    return parts


def _blocks(who: list[TextColumn], what: list[TextColumn], width: int) -> list[RenderableType]:
    """Return one table, or as many below one another as the width asks for; each begins with `who`.

    A header that is wider than what `who` leaves is folded.
    """
    name_width = min(_width(who[0]), max(24, width // 3))
    start = name_width + sum(GAP + _width(column) for column in who[1:])
    what = [(_folded(header, width - start - GAP), cells, number) for header, cells, number in what]
    blocks: list[list[TextColumn]] = [[]]
    used = start
    for column in what:
        needed = GAP + _width(column)
        if blocks[-1] and used + needed > width:
            blocks.append([])
            used = start
        blocks[-1].append(column)
        used += needed
    return [Padding(_grid([*who, *block], name_width), (1, 0, 0, 0)) for block in blocks]


def _chart(chart: ChartTable, words: str, *, several: bool, width: int) -> list[RenderableType]:
    """Return a chart's numbers; columns that are rows, too, are numbered where their names do not fit."""
    names = [name for name, _ in chart.rows]
    what: list[TextColumn] = [
        (
            "\n".join(plain(text) for text in header if text),
            [cells[place] for _, cells in chart.rows],
            True,
        )
        for place, header in enumerate(without_repeats(chart.columns))
    ]
    who: TextColumn = (plain(chart.corner), [plain(name) for name in names], False)
    heads = [name for _, name in chart.columns]
    if not _fits([who, *what], width) and set(heads) <= set(names):
        numbers = {name: f"{place} " for place, name in enumerate(heads, start=1)}
        who = (plain(chart.corner), [numbers.get(name, "") + plain(name) for name in names], False)
        what = [(str(place), cells, True) for place, (_, cells, _) in enumerate(what, start=1)]
    title = Text(plain(chart.title), style="bold")
    if several:
        title.append(f", {plain(chart.dataset)}", style="not bold")
    if len(names) > MOST_ROWS or len(what) > MOST_COLUMNS:
        size = (
            f": {counted(len(names), 'row')} and {counted(len(what), 'column')}, in the HTML report"
        )
        return ["", title.append(size, style="not bold")]
    return ["", title, *_blocks([who], what, width), Text(plain(words), style="dim")]


def _fits(columns: list[TextColumn], width: int) -> bool:
    return sum(_width(column) for column in columns) + GAP * (len(columns) - 1) <= width


def _who(table: Table) -> list[TextColumn]:
    """Return what tells the rows apart; it is repeated in every block."""
    names = [plain(row_name(row)) for row in table.rows]
    columns: list[TextColumn] = [("architecture", names, False)]
    for axis in table.axes:
        columns.append((axis, [plain(str(getattr(row, axis))) for row in table.rows], False))
    return columns


def _what(table: Table, marks: Marks) -> list[TextColumn]:
    figures = [_figures(table, column, marks) for column in table.columns]
    standing: list[TextColumn] = []
    if any(row.group for row in table.rows):
        standing.append(("group", [plain(" ".join(groups(row))) for row in table.rows], False))
    if any(row.rank for row in table.rows):
        standing.append(("rank", [plain(rank(row)) for row in table.rows], False))
    return figures[:1] + standing + figures[1:]


def _figures(table: Table, column: Column, marks: Marks) -> TextColumn:
    cells = []
    for row in table.rows:
        figure = row.figures.get(column.key)
        cells.append(cell(figure, column.unit) + marks.of(figure))
    title = plain(titled(column))
    return title.replace(", ", "\n", 1), cells, True


def _width(column: TextColumn) -> int:
    header, cells, _ = column
    return max(cell_len(text) for text in [*header.splitlines(), *cells])


def _folded(header: str, width: int) -> str:
    room = max(width, LEAST_HEADER)
    return "\n".join(part for line in header.splitlines() for part in wrap(line, room))


def _grid(columns: list[TextColumn], name_width: int) -> RichTable:
    grid = RichTable(
        box=box.SIMPLE_HEAD,
        padding=(0, GAP - 1, 0, 0),  # the box adds one
        pad_edge=False,
        show_edge=False,
        header_style="dim",
    )
    for place, (header, _, number) in enumerate(columns):
        grid.add_column(
            Text(header),
            justify="right" if number else "left",
            vertical="bottom",
            no_wrap=place > 0,
            overflow="fold",
            width=name_width if place == 0 else None,
        )
    for cells in zip(*(cells for _, cells, _ in columns), strict=True):
        grid.add_row(*(Text(text, style="dim" if text == DASH else "") for text in cells))
    return grid


def _findings(report: ReportData) -> list[RenderableType]:
    said = summary(report)
    if not said:
        return []
    parts: list[RenderableType] = [
        "",
        Text("Findings", style="bold").append(f": {said}", "not bold"),
    ]
    for doubt in doubts(report):
        title = Text(f"{plain(doubt.dataset)}: ", style="dim")
        parts.append(title.append(plain(doubt.title), "yellow" if doubt.is_doubt else "not dim"))
        for one in doubt.said:
            text = Text(f"{plain(one.who)}: ").append(plain(one.sentence))
            parts.append(Padding(text, (0, 0, 0, 2)))
        parts.append(Padding(Text(f"What to do: {plain(doubt.advice)}", style="dim"), (0, 0, 0, 2)))
    return parts


def _unfinished(report: ReportData) -> list[RenderableType]:
    parts: list[RenderableType] = []
    for one in unfinished(report):
        number = len(one.jobs)
        text = Text(f"{plain(one.status)} {number}", style="red" if one.status in FAILED else "dim")
        reason = "\n  ".join(plain_lines(one.reason)) or "no reason given"
        text.append(f": {reason}", style="default")
        text.append(f" ({some_labels(one.jobs)})", style="dim")
        parts.append(text)
    return ["", *parts] if parts else []


def _counts(report: ReportData) -> Text:
    counts = ", ".join(f"{count:,} {plain(status)}" for status, count in count_facts(report))
    return Text(f"Jobs: {counts or 'none'}.")
