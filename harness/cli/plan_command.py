"""`harness plan`."""

from __future__ import annotations

from typing import Any

import rich_click as click

from harness.cli.options import (
    json_option,
    open_host,
    plugin_options,
    print_json,
    store_option,
    suite_options,
)


@click.command("plan")
@suite_options
@click.option("--time-budget", metavar="TIME", help="Say what would fit, such as 30m.")
@click.option("--jobs", "show_jobs", is_flag=True, help="Print every job.")
@store_option
@plugin_options
@json_option
def command(
    store: str,
    files: Any,
    blocked: Any,
    fresh: Any,
    time_budget: str | None,
    show_jobs: bool,
    as_json: bool,
    **chosen: Any,
) -> None:
    """Show what a run would do: trials and jobs, what is cached or skipped, and how long it takes."""
    from harness.execute.forecast import forecast
    from harness.execute.session import open_suite

    host = open_host(files, blocked)
    suite = open_suite(host, **chosen)
    found = forecast(suite, host.catalogue, store, fresh, time_budget)
    if as_json:
        print_json(found.to_json())
    else:
        click.echo(found.to_text(show_jobs))
