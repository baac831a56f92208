"""`harness show`."""

from __future__ import annotations

from typing import Any

import rich_click as click

from harness.cli.options import json_option, plugin_options, print_json


@click.command("show")
@click.argument("kind")
@click.argument("name")
@plugin_options
@json_option
def command(kind: str, name: str, files: Any, blocked: Any, as_json: bool) -> None:
    """Show one item: options with types, defaults and meaning; source.

    For example: harness show architecture vit
    """
    from harness.catalogue.host import Host, PluginChoice
    from harness.plan.listing import describe_item

    found = describe_item(Host(PluginChoice(files, blocked)).require_usable(), kind, name)
    if as_json:
        print_json(found)
        return
    click.secho(f"{found['kind']} {found['name']}", bold=True)
    for key in ("summary", "source", "plugin"):
        if found[key]:
            click.echo(f"{key:12}{found[key]}")
    for key, value in (found["fields"] | found.get("facts", {})).items():
        shown = ", ".join(map(str, value)) if isinstance(value, tuple | list) else value
        click.echo(f"{key:12}{shown}")
    click.secho("options" if found["options"] else "no options", bold=True)
    for option in found["options"]:
        default = "needed" if option["required"] else f"default {option['written']}"
        click.echo(f"  {option['name']} ({option['type']}, {default}): {option['meaning']}")
    if found["options"]:
        first = found["options"][0]
        value = first["written"] or "..."
        click.echo(f"\nwritten as {found['name']}:{first['name']}={value}")
