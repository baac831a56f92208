"""`harness run`."""

from __future__ import annotations

import sys
from typing import Any

import rich_click as click

from harness.cli.options import plugin_options, store_option, suite_options


@click.command("run")
@suite_options
@store_option
@plugin_options
@click.option("--open", "open_page", is_flag=True, help="Open the HTML report in a browser.")
def command(store: str, files: Any, blocked: Any, open_page: bool, **chosen: Any) -> None:
    """Run a suite, or architectures on data, and report.

    SUITE is the name of one that ships (quick, throughput, robustness, imagenet) or a .toml file.
    Without one, give -a and -d: harness run -a resnet -d ./photos
    """
    from harness.cli.terminal import print_report
    from harness.execute.session import run

    done = run(store=store, plugins=files, blocked=blocked, **chosen)
    print_report(done)
    page = done.write_html()
    click.echo(f"Report: {page}")
    if open_page:
        click.launch(str(page))
    if not done.ok:
        sys.exit(1)
