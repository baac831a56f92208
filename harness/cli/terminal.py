"""Printing a report to where the output goes."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import rich_click as click
from rich.console import Console

if TYPE_CHECKING:
    from harness.execute.session import Run


def print_report(run: Run) -> None:
    """Print the terminal report, as wide as the terminal, in colour where there is one."""
    console = Console()
    width = shutil.get_terminal_size((110, 24)).columns
    text = run.report("terminal", width=width, colour=console.is_terminal)
    click.echo(text, color=console.is_terminal)
