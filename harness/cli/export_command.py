"""`harness export`."""

from __future__ import annotations

from pathlib import Path

import rich_click as click

from harness.cli.options import store_option


@click.command("export")
@click.argument("run", required=False)
@click.option(
    "-o", "--output", metavar="FILE", help="Where to; the run's name with .zip by default."
)
@click.option(
    "--no-artifacts",
    "bare",
    is_flag=True,
    help="Leave out what only further jobs read: prepared data and weights.",
)
@store_option
def command(run: str | None, output: str | None, bare: bool, store: str) -> None:
    """Write a run (the latest by default) to one file, for `harness import` elsewhere."""
    from harness.cli.copying import bar
    from harness.store.merge import Arrival, size_of
    from harness.store.run_file import write_run_file
    from harness.store.store import Store

    with Store(store, create=False) as opened:
        row = opened.run_row(run)
        rows = opened.run_rows(row["id"])
    path = Path(output or f"{row['name']}.zip")
    with bar("packing", size_of([Arrival(rows, Path(store), store)])) as advance:
        size = write_run_file(path, rows, Path(store), artifacts=not bare, advance=advance)
    click.echo(f"{row['name']} is in {path} ({size:,} bytes); harness import {path} reads it")
