"""`harness plugin new` and `harness plugin check`."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path

import rich_click as click

from harness.catalogue.counts import counted
from harness.catalogue.kinds import KINDS
from harness.cli.options import json_option, print_json

_COLOURS = {"ok": "green", "failed": "red", "not checked": "yellow"}


@click.group("plugin")
def command() -> None:
    """Write a plugin of yours, and check it."""


@command.command("new")
@click.argument("name")
@click.option(
    "--kinds",
    required=True,
    metavar="KIND,...",
    help=f"Of which an item each: {', '.join(KINDS)}; or all.",
)
@click.option(
    "--folder",
    type=click.Path(path_type=Path),
    help="Where to; by default a folder of the plugin's name, here.",
)
def new(name: str, kinds: str, folder: Path | None) -> None:
    """Write a package with an item of each kind, its tests and a CI file, ready to install."""
    from harness.contracts.new_plugin import plugin_files, write_plugin

    wanted = list(KINDS) if kinds == "all" else [kind.strip() for kind in kinds.split(",")]
    place = folder or Path(name)
    for path in write_plugin(place, plugin_files(name, wanted)):
        click.echo(path)
    click.echo(f"\npip install -e '{place}[test]' && pytest {place}")


@command.command("check")
@click.argument("path")
@click.option(
    "--engine",
    default="",
    metavar="NAME:OPTIONS",
    help="Start this engine of it, such as ray:address=auto, though its jobs run on other machines.",
)
@json_option
def check(path: str, engine: str, as_json: bool) -> None:
    """Run the contracts of each kind on the items of a plugin.

    PATH is the name of an installed plugin, a .py file, or a package folder; where a folder has the
    name of an installed plugin, write ./NAME for the folder. The exit code is 1 where a contract is
    not kept, or where there is nothing to check.
    """
    from harness.contracts import check_plugin

    results = []
    for result in check_plugin(path, engine):
        results.append(result)
        if as_json:
            continue
        mark = click.style(f"{result.word:11}", fg=_COLOURS[result.word])
        click.echo(f"{mark} {result.item}: {result.contract}")
        for line in result.reason.splitlines():
            click.echo(f"{'':11}   {line}")
    words = [result.word for result in results]
    if as_json:
        print_json([{**asdict(result), "status": result.word} for result in results])
    else:
        counts = ", ".join(f"{words.count(word)} {word}" for word in _COLOURS if word in words)
        click.echo(f"{counted(len({result.item for result in results}) - 1, 'item')}; {counts}")
    if "failed" in words:
        sys.exit(1)
