"""`harness debug`."""

from __future__ import annotations

import sys
from typing import Any

import rich_click as click

from harness.cli.options import plugin_options, store_option


@click.command("debug")
@click.argument("job")
@click.option("--pdb", "stop", is_flag=True, help="Open the debugger where it fails.")
@store_option
@plugin_options
def command(job: str, stop: bool, store: str, files: Any, blocked: Any) -> None:
    """Run a JOB again in this process, so that a debugger can stop in it; nothing is recorded."""
    from harness.catalogue.host import Host, PluginChoice
    from harness.execute.debug import debug_job

    outcome = debug_job(store, job, Host(PluginChoice(files, blocked)), stop)
    click.echo(f"{outcome.status} in {outcome.seconds:.2f} s {outcome.reason}".rstrip())
    for metric in outcome.metrics:
        where = "".join(f" {key}={value}" for key, value in metric.where.items())
        click.echo(f"  {metric.name} {metric.value:g} {metric.unit}{where}")
    if outcome.traceback:
        click.echo(outcome.traceback)
    sys.exit(0 if outcome.is_ok else 1)
