"""`harness logs`."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import rich_click as click

from harness.catalogue.counts import printable
from harness.cli.options import store_option


@click.command("logs")
@click.argument("job")
@store_option
def command(job: str, store: str) -> None:
    """Show what a JOB printed: its label, a glob of labels ('prepare*'), or the start of its fingerprint."""
    from harness.store.store import Store

    with Store(store, create=False) as opened:
        rows = opened.find_jobs(job)
    for place, row in enumerate(rows):
        if place:
            click.echo()
        _show(row, opened.folder)


def _show(row: sqlite3.Row, store: Path) -> None:
    click.secho(
        f"{printable(row['label'])} ({row['fingerprint'][:10]}): {row['status'] or 'not run'}",
        bold=True,
    )
    if row["reason"]:
        click.echo(printable(row["reason"]))
    log = store / row["folder"] / "log.txt" if row["folder"] else None
    printed = log.read_text(encoding="utf-8", errors="replace") if log and log.exists() else ""
    click.echo(printable(printed, kept="\n\r\t"), nl=False)
    if row["traceback"] and row["traceback"].strip() not in printed:  # a crash's stack is there
        click.echo(printable(row["traceback"]))
