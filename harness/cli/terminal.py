"""Printing a report to where the output goes."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import rich_click as click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from harness.execute.session import Run
    from harness.results.run_data import RunData


def print_report(run: Run) -> None:
    """Print the terminal report, as wide as the terminal, in colour where there is one."""
    console = Console()
    width = shutil.get_terminal_size((110, 24)).columns
    text = run.report("terminal", width=width, colour=console.is_terminal)
    click.echo(text, color=console.is_terminal)


def print_against(run: Run, other: RunData, python: str | None) -> None:
    """Time again, interleaved, what both runs have timed, and print how they compare."""
    from harness.execute.against import compare_against
    from harness.results.interleaved import ALPHA

    click.echo(f"\nTiming in turns with {other.name}:", err=True)
    compared = compare_against(
        run.data, other, run.host, python=python, report=lambda line: click.echo(line, err=True)
    )
    table = Table(title=f"{escape(run.name)} against {escape(other.name)}, interleaved")
    for title in (
        "what is timed",
        "seconds a call",
        "interval (99.7 %)",
        "p, corrected",
        "verdict",
    ):
        table.add_column(title)
    for one in compared:
        name = escape(" ".join(part for part in (one.label, one.series) if part))
        if one.ratio is None:
            table.add_row(name, "", "", "", escape(one.reason))
            continue
        ends = f"{one.ratio.low - 1:+.1%} to {one.ratio.high - 1:+.1%}"
        verdict = "not distinguishable"
        if one.p_value < ALPHA:
            verdict = "slower" if one.ratio.value > 1 else "faster"
        table.add_row(name, f"{one.ratio.value - 1:+.1%}", ends, f"{one.p_value:.2g}", verdict)
    Console().print(table)
