"""`harness plugin check`."""

from __future__ import annotations

import sys

import rich_click as click


@click.group("plugin")
def command() -> None:
    """Check a plugin of yours."""


@command.command("check")
@click.argument("path")
def check(path: str) -> None:
    """Run the contracts of each kind on the items of a plugin.

    PATH is a .py file, a package folder, or the name of an installed plugin.
    """
    from harness.contracts import check_plugin

    failed = False
    for result in check_plugin(path):
        failed = failed or not result.ok
        mark = click.style("ok    ", fg="green") if result.ok else click.style("failed", fg="red")
        click.echo(f"{mark} {result.item}: {result.contract}")
        if not result.ok:
            click.echo(f"       {result.reason}")
    if failed:
        sys.exit(1)
