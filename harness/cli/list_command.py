"""`harness list`."""

from __future__ import annotations

from typing import Any

import rich_click as click

from harness.catalogue.kinds import PLURALS
from harness.cli.options import json_option, open_host, plugin_options, print_json

_HELP = f"""List what the plugins provide, or the suites that ship.

KIND is {", ".join(PLURALS.values())} or suites. A family is opened by its prefix:
harness list architectures 'timm/vit_*'
"""


@click.command("list", help=_HELP)
@click.argument("kind", required=False)
@click.argument("glob", required=False)
@plugin_options
@json_option
def command(kind: str | None, glob: str | None, files: Any, blocked: Any, as_json: bool) -> None:
    """List what the plugins provide."""
    from harness.plan.listing import list_items, list_suites

    if kind is not None and kind.lower() in ("suite", "suites"):
        rows = list_suites(glob)
    else:
        rows = list_items(open_host(files, blocked).require_usable(), kind, glob)
    if as_json:
        print_json(rows)
        return
    width = max((len(row["name"]) for row in rows), default=0)
    previous = None
    for row in rows:
        if kind is None and row["kind"] != previous:
            click.secho(PLURALS[row["kind"]], bold=True)
            previous = row["kind"]
        indent = "  " if kind is None else ""
        groups = "".join(f" [{group}]" for group in row.get("groups", ()))
        click.echo(f"{indent}{row['name']:{width}}  {row['summary']}{groups}".rstrip())
