"""`harness runs`."""

from __future__ import annotations

import json
from datetime import datetime

import rich_click as click

from harness.cli.options import json_option, print_json, store_option


@click.command("runs")
@store_option
@json_option
def command(store: str, as_json: bool) -> None:
    """List the runs of a store, oldest first."""
    from harness.store.store import Store

    with Store(store, create=False) as opened:
        rows = opened.runs()
    found = [
        {
            "name": row["name"],
            "status": row["status"],
            "started": row["started"],
            "seconds": row["seconds"],
            "counts": json.loads(row["counts"] or "{}"),
        }
        for row in rows
    ]
    if as_json:
        print_json(found)
        return
    for run in found:
        counts = ", ".join(f"{count} {status}" for status, count in run["counts"].items())
        started = datetime.fromisoformat(run["started"]).isoformat(timespec="seconds")
        click.echo(f"{run['name']}  {started}  {run['status']}  {counts}")
