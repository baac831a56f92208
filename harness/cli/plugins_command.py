"""`harness plugins`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import rich_click as click

from harness.cli.options import json_option, plugin_options, print_json


@click.command("plugins")
@plugin_options
@json_option
def command(files: Any, blocked: Any, as_json: bool) -> None:
    """List plugins: name, version, items, hooks, and what is broken or blocked and why."""
    from harness.catalogue.host import Host, PluginChoice

    host = Host(PluginChoice(files, blocked))
    if as_json:
        print_json({"plugins": [asdict(p) for p in host.plugins], "clashes": host.clashes})
        return
    for plugin in host.plugins:
        title = " ".join(part for part in (plugin.name, plugin.version) if part)
        click.secho(title, bold=True, nl=False)
        click.echo(f"  {plugin.status}" + (f": {plugin.reason}" if plugin.reason else ""))
        click.echo(f"  from   {plugin.origin}")
        if plugin.items:
            click.echo(f"  items  {', '.join(plugin.items)}")
        if plugin.hooks:
            click.echo(f"  hooks  {', '.join(plugin.hooks)}")
    for clash in host.clashes:
        click.secho(f"clash: {clash}", fg="red")
