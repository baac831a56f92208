"""`harness report`."""

from __future__ import annotations

import os
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import rich_click as click

from harness.cli.options import plugin_options, store_option
from harness.errors import UsageError, near_path

if TYPE_CHECKING:
    from harness.catalogue.catalogue import Catalogue


@click.command("report")
@click.argument("run", required=False)
@click.option(
    "--format",
    "-f",
    "format_name",
    metavar="FORMAT",
    help="A report of `harness list reports`; left out, the one whose files end as PATH does; terminal where it has no ending.",
)
@click.option(
    "--output",
    "-o",
    metavar="PATH",
    help="Write to a file, in a folder that is there; - is the standard output.",
)
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
        _require_folder(output)
        opened.report(format_name, output)
        click.echo(output)
    elif format_name == "terminal":
        print_report(opened)
    else:
        click.echo(opened.report(format_name), nl=False)  # bytes and text alike


def _require_folder(path: str) -> None:
    """Check that the folder is there that a file is to lie in: a mistyped one should not be made.

    Raises:
        UsageError: It is not.
    """
    folder = str(PurePath(path).parent)
    if not os.path.lexists(folder):
        raise UsageError(f"-o {path}: there is no folder {folder!r}{near_path(folder)}")


def _format_of(catalogue: Catalogue, path: str) -> str:
    """Return the report whose files end as a path does, of several the first that is registered; terminal where it has no ending.

    Raises:
        UsageError: No report's files end so.
    """
    ending = PurePath(path).suffix.lower()
    formats: dict[str, str] = {}
    for name, entry in catalogue.entries("report").items():
        formats.setdefault(entry.item.suffix, name)  # type: ignore[attr-defined]
    if ending and ending not in formats:
        raise UsageError(
            f"-o {path}: no report's files end in {ending!r}; {', '.join(formats)} are allowed, or say which form it has: "
            "--format FORMAT (harness list reports)"
        )
    return formats.get(ending, "terminal")
