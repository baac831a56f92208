"""Printing comparisons of two runs."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

import rich_click as click
from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.markup import escape
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from harness.catalogue.counts import counted, list_some
from harness.compare.gate import Breach
from harness.compare.run_comparison import PairedFigure, RunComparison
from harness.plan.axes import CONDITION_AXES
from harness.statistics.model_groups import ALPHA
from harness.statistics.paired_ratio import ALPHA as GATE_ALPHA

if TYPE_CHECKING:
    from harness.execute.paired_timing import PairedTiming
    from harness.execute.session import Run
    from harness.store.run_data import RunData

_STYLES = {"better": "green", "worse": "red", "higher": "cyan", "lower": "cyan"}
_PREFIXES = ((1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, ""), (1e-3, "m"), (1e-6, "µ"), (1e-9, "n"))
_ENVIRONMENT_ROWS = 12
_WIDEST = 1000
_CHANGE = "change (95 % interval)"
_HEADINGS = ("what", "figure", "A", "B", _CHANGE, "p", "verdict")
_FORMS = ((), ("what", "figure"), ("what", "figure", _CHANGE, "verdict"))  # ever narrower


def print_comparison(comparison: RunComparison) -> None:
    """Print the table, and what it rests on."""
    shown = console()
    for wrapped in _FORMS:
        table = _table(comparison, wrapped)
        if (width := _width(shown, table)) <= shown.width:
            break
    shown.width = max(shown.width, width)
    shown.print(table)
    for line in _notes(comparison):
        shown.print(escape(line), highlight=False)


def print_findings(findings: Sequence[Breach], gates: Sequence[str], unjudged: str = "") -> None:
    """Print what the gates found. unjudged: the models that they could not be held to, in words."""
    shown = console()
    if gates:
        shown.print()
    for finding in findings:
        mark = "[red]FAILS[/red]" if finding.fails else "[yellow]doubtful[/yellow]"
        words = f"{finding.gate}: {finding.label}: {finding.words}"
        shown.print(f"{mark} {escape(words)}", highlight=False)
    if gates and not findings:
        click.echo(f"All gates hold: {', '.join(gates)}")
    if unjudged:
        click.echo(f"Not judged: {unjudged}")
    if any(finding.doubtful for finding in findings):
        click.echo(
            "Doubtful: the figure is beyond the limit, but chance alone may have put it there (a gate fails where "
            f"p < {GATE_ALPHA:g}), or a measure has marked it as doubtful. To be surer of a timing, time both in turns: "
            "harness run SUITE --against RUN --fail-if CONDITION"
        )


def console() -> Console:
    """Return where tables go: as wide as the terminal, and wide enough for them."""
    return Console(width=max(80, shutil.get_terminal_size((110, 24)).columns))


def _width(shown: Console, table: Table) -> int:
    return Measurement.get(shown, shown.options.update(max_width=_WIDEST), table).maximum


def _table(comparison: RunComparison, wrapped: Collection[str]) -> Table:
    """Return the table. wrapped: columns whose words stand under each other, each as wide as its longest word."""
    table = Table(
        title=f"A = {escape(comparison.a)}, B = {escape(comparison.b)}", box=box.SIMPLE_HEAD
    )
    common, under = _common_axes(comparison), "\n" if _CHANGE in wrapped else " "
    rows = [
        (
            _what(pair, common),
            figure_words(pair),
            quantity(pair.a, pair.unit),
            quantity(pair.b, pair.unit),
            _change(pair, under),
            "" if pair.p_value is None or pair.is_exact else f"{pair.p_value:.2g}",
            pair.verdict,
        )
        for pair in comparison.pairs
    ]
    for place, heading in enumerate(_HEADINGS):
        cells = [heading, *(row[place] for row in rows)]
        if heading == _CHANGE:
            lines = [*heading.split(), *(line for cell in cells[1:] for line in cell.splitlines())]
        else:
            lines = [
                part for cell in cells for part in (cell.split() if heading in wrapped else [cell])
            ]
        table.add_column(
            heading,
            justify="left" if heading in ("what", "figure", "verdict") else "right",
            overflow="fold",
            width=max(map(cell_len, lines), default=len(_CHANGE)),
        )
    for *cells, verdict in rows:
        table.add_row(*map(escape, cells), Text(verdict, _STYLES.get(verdict, "")))
    return table


def _common_axes(comparison: RunComparison) -> set[str]:
    """Return the axes that are the same in all rows, and need not be said in each."""
    return {
        axis
        for axis in ("dataset", *CONDITION_AXES)
        if axis not in comparison.axes
        and len({pair.at[axis] for pair in comparison.pairs if axis in pair.at}) == 1
    }


def _what(pair: PairedFigure, common: Collection[str]) -> str:
    """Return what a figure is of, less the axes that all share; floors are marked as in the table of a run."""
    words = [value for axis, value in pair.at.items() if axis not in common]
    return " ".join([*words, "(floor)"] if pair.floor else words)


def figure_words(pair: PairedFigure) -> str:
    """Return the title of a figure, and the conditions that it does not say itself."""
    return ", ".join([pair.title, *pair.conditions]) + (" *" if pair.difference.subset else "")


def _change(pair: PairedFigure, under: str) -> str:
    """Return "+4.0 % (-1.1 to +9.5)"; without an interval where there is no noise, or none is known. under: what stands between them."""
    found = pair.difference
    scale, digits, unit = 1.0, ".3g", ""
    if found.relative or pair.unit == "fraction":
        scale, digits, unit = 100.0, ".1f", " %" if found.relative else " pt"
    words = f"{scale * found.value:+{digits}}{unit}"
    if found.low is None or found.high is None or pair.is_exact:
        return words
    return f"{words}{under}({scale * found.low:+{digits}} to {scale * found.high:+{digits}})"


def quantity(value: float, unit: str) -> str:
    """Return a value with its unit: "98.9 %", "1.25 ms", "3.10 M", "51,200/s"."""
    if unit == "fraction":
        return f"{100 * value:.1f} %"
    if unit == "1/s":
        return f"{value:,.0f}/s" if abs(value) >= 100 else f"{value:.3g}/s"
    if not unit or not value:
        return f"{value:.4g} {unit}".strip()
    size, prefix = next((pair for pair in _PREFIXES if abs(value) >= pair[0]), _PREFIXES[-1])
    short = {"bytes": "B", "count": ""}.get(unit, unit)
    return f"{value / size:.3g} {prefix}{short}".strip()


def _notes(comparison: RunComparison) -> list[str]:
    methods = sorted({pair.difference.method for pair in comparison.pairs})
    claimed = sum(pair.p_value is not None and not pair.is_exact for pair in comparison.pairs)
    lines = [
        *_trained(comparison),
        *_holds_for(claimed),
        f"Compared by: {'; '.join(methods)}.",
    ]
    subsets = Counter(pair.difference.subset for pair in comparison.pairs if pair.difference.subset)
    lines += [
        f"* A and B are of {subset}: {counted(count, 'figure')}."
        for subset, count in subsets.items()
    ]
    for axis, (first, second) in comparison.axes.items():
        lines.append(f"The runs differ in {axis} as a whole: {first} and {second}.")
    common = _common_axes(comparison)
    flagged: dict[str, list[str]] = {}
    for pair in comparison.pairs:
        for flag in pair.flags:
            name = f"{_what(pair, common)} {figure_words(pair)}".strip()
            flagged.setdefault(flag, []).append(name)
    lines += [
        f"Doubtful: {list_some(list(dict.fromkeys(names)), most=3)}: {flag}."
        for flag, names in flagged.items()
    ]
    for lost in comparison.lost:
        if lost.reason:
            lines.append(f"Missing in {lost.missing_in}: {lost.label} {lost.name} ({lost.reason})")
    silent = sum(not lost.reason for lost in comparison.lost)
    if silent:
        lines.append(f"{counted(silent, 'figure is', 'figures are')} in one run only.")
    if comparison.environment:
        lines.append("Environments differ:")
        shown = list(comparison.environment.items())
        lines += [f"  {key}: {a} and {b}" for key, (a, b) in shown[:_ENVIRONMENT_ROWS]]
        if len(shown) > _ENVIRONMENT_ROWS:
            lines.append(f"  ... and {len(shown) - _ENVIRONMENT_ROWS} more (--json has them)")
    return lines


def _trained(comparison: RunComparison) -> list[str]:
    """Return in which settings models of one name were trained differently, a line for each set of settings."""
    lines = []
    for one in comparison.trainings:
        models = list_some(one.models)
        settings = "; ".join(f"{name} {a} in A, {b} in B" for name, (a, b) in one.settings.items())
        lines.append(f"Trained differently: {models}: {settings}.")
    return lines


def _holds_for(claimed: int) -> list[str]:
    """Return for how many comparisons at once verdicts hold; nothing where one or none is judged."""
    if claimed < 2:
        return []
    return [
        f"Verdicts hold for all {claimed:,} comparisons at once (Holm, {ALPHA:.0%}); intervals do not."
    ]


def print_paired(run: Run, other: RunData, python: str | None) -> list[PairedTiming]:
    """Time again, interleaved, what both runs have timed; print and return how they compare."""
    from harness.execute.paired_timing import time_in_pairs

    click.echo(f"\nTiming in turns with {other.name}:", err=True)
    compared = time_in_pairs(
        run.data, other, run.host, python=python, report=lambda line: click.echo(line, err=True)
    )
    table = Table(
        title=f"{escape(run.name)} against {escape(other.name)}, interleaved", box=box.SIMPLE_HEAD
    )
    table.add_column("what is timed", overflow="fold")
    for heading in ("seconds a call (99.7 % interval)", "p"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("verdict")
    for one in compared:
        name = escape(" ".join(part for part in (one.label, one.series) if part))
        if one.ratio is None:
            table.add_row(name, "", "", escape(one.reason))
            continue
        value, low, high = (
            100 * (end - 1) for end in (one.ratio.value, one.ratio.low, one.ratio.high)
        )
        verdict = "not distinguishable"
        if one.p_value < GATE_ALPHA:
            verdict = "[red]slower[/red]" if value > 0 else "[green]faster[/green]"
        table.add_row(
            name, f"{value:+.1f} % ({low:+.1f} to {high:+.1f})", f"{one.p_value:.2g}", verdict
        )
    console().print(table)
    return compared
