"""`harness show`."""

from __future__ import annotations

from typing import Any

import rich_click as click

from harness.cli.options import json_option, open_host, plugin_options, print_json


@click.command("show")
@click.argument("kind")
@click.argument("name")
@plugin_options
@json_option
def command(kind: str, name: str, files: Any, blocked: Any, as_json: bool) -> None:
    """Show one item: options with types, defaults and meaning; source.

    For example: harness show architecture vit. With "data" and the name or path of a data set: what it was
    taken for column by column, what was left out, and what was found in it, such as harness show data sales.csv.
    """
    from harness.plan.listing import describe_item

    if kind == "data":
        _show_data(name, files, blocked, as_json)
        return
    found = describe_item(open_host(files, blocked).require_usable(), kind, name)
    if as_json:
        print_json(found)
        return
    click.secho(f"{found['kind']} {found['name']}", bold=True)
    lines = {key: found[key] for key in ("summary", "source", "plugin") if found[key]}
    lines |= found["fields"] | found.get("facts", {})
    width = max(map(len, lines), default=0) + 2
    for key, value in lines.items():
        click.echo(f"{key:{width}}{_words(value)}")
    click.secho("options" if found["options"] else "no options", bold=True)
    if not found["options_known"]:
        click.echo("  those of its constructor, which its source does not tell")
    for option in found["options"]:
        default = "needed" if option["required"] else f"default {option['written'] or 'none'}"
        click.echo(f"  {option['name']} ({option['type']}, {default}): {option['meaning']}")
    if found["options"]:
        option = next((o for o in found["options"] if o["required"]), found["options"][0])
        click.echo(f"\nwritten as {found['name']}:{option['name']}={option['written'] or '...'}")


def _words(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return ", ".join(
            f"{key} {of:,}" if isinstance(of, int) else key for key, of in value.items()
        )
    return ", ".join(map(str, value)) if isinstance(value, tuple | list) else str(value)


def _show_data(text: str, files: Any, blocked: Any, as_json: bool) -> None:
    from harness.cli.described_data import description_json, print_description
    from harness.data.description import describe_data
    from harness.plan.files import check_files, open_path, settle_by_files
    from harness.plan.names import choose_one

    catalogue = open_host(files, blocked).require_usable()
    dataset = settle_by_files(choose_one(catalogue, "dataset", open_path(catalogue, text)))
    check_files(dataset)
    found = describe_data(dataset)
    if as_json:
        print_json(description_json(found))
    else:
        print_description(found)
