"""`harness report`."""

from __future__ import annotations

from typing import Any

import rich_click as click

from harness.cli.options import plugin_options, store_option


@click.command("report")
@click.argument("run", required=False)
@click.option(
    "--format",
    "-f",
    "format_name",
    default="terminal",
    show_default=True,
    metavar="FORMAT",
    help="A report of `harness list reports`.",
)
@click.option("--output", "-o", metavar="PATH", help="Write to a file; - is the standard output.")
@store_option
@plugin_options
def command(
    run: str | None, format_name: str, output: str | None, store: str, files: Any, blocked: Any
) -> None:
    """Show a RUN (the latest one, if none is named)."""
    from harness.catalogue.host import Host, PluginChoice
    from harness.cli.terminal import print_report
    from harness.execute.session import Run

    opened = Run(store, run, Host(PluginChoice(files, blocked)))
    if output and output != "-":
        opened.report(format_name, output)
        click.echo(output)
    elif format_name == "terminal":
        print_report(opened)
    else:
        click.echo(opened.report(format_name), nl=False)  # bytes and text alike
