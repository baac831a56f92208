"""`harness report`."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import rich_click as click

from harness.cli.options import plugin_options, store_option

if TYPE_CHECKING:
    from harness.catalogue.catalogue import Catalogue


@click.command("report")
@click.argument("run", required=False)
@click.option(
    "--format",
    "-f",
    "format_name",
    metavar="FORMAT",
    help="A report of `harness list reports`; left out, the one whose files end as PATH does, else terminal.",
)
@click.option("--output", "-o", metavar="PATH", help="Write to a file; - is the standard output.")
@store_option
@plugin_options
def command(
    run: str | None,
    format_name: str | None,
    output: str | None,
    store: str,
    files: Any,
    blocked: Any,
) -> None:
    """Show a RUN (the latest one, if none is named)."""
    from harness.catalogue.host import Host, PluginChoice
    from harness.cli.terminal import print_report
    from harness.execute.session import Run

    opened = Run(store, run, Host(PluginChoice(files, blocked)))
    format_name = format_name or _format_of(opened.host.require_usable(), output or "")
    if output and output != "-":
        opened.report(format_name, output)
        click.echo(output)
    elif format_name == "terminal":
        print_report(opened)
    else:
        click.echo(opened.report(format_name), nl=False)  # bytes and text alike


def _format_of(catalogue: Catalogue, path: str) -> str:
    """Return the report whose files end as a path does, of several the first that is registered; else terminal."""
    ending = PurePath(path).suffix.lower()
    for name, entry in catalogue.entries("report").items():
        if ending and entry.item.suffix == ending:  # type: ignore[attr-defined]
            return name
    return "terminal"
