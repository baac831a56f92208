"""`harness doctor`."""

from __future__ import annotations

import rich_click as click

from harness.cli.options import json_option, print_json


@click.command("doctor")
@json_option
def command(as_json: bool) -> None:
    """Show hardware, versions, and what each optional part would need."""
    from harness.measure.doctor import diagnose

    found = diagnose()
    if as_json:
        print_json(found)
        return
    for section in ("hardware", "versions"):
        click.secho(section, bold=True)
        for key, value in found[section].items():
            click.echo(f"  {key:14} {value}")
    click.secho("optional parts", bold=True)
    for part in found["parts"]:
        mark = click.style("yes", fg="green") if part["ready"] else click.style("no ", fg="yellow")
        click.echo(f"  {mark} {part['name']}: {part['says']}")
