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
@click.option("--against", metavar="RUN", help="Time again, in turns with RUN's jobs: A B A B.")
@click.option(
    "--against-python",
    metavar="PYTHON",
    help="RUN's interpreter, where it has an environment of its own.",
)
@click.option("--open", "open_page", is_flag=True, help="Open the HTML report in a browser.")
def command(
    store: str,
    files: Any,
    blocked: Any,
    against: str | None,
    against_python: str | None,
    open_page: bool,
    **chosen: Any,
) -> None:
    """Run a suite, or architectures on data, and report.

    SUITE is the name of one that ships (quick, throughput, robustness, imagenet) or a .toml file.
    Without one, give -a and -d: harness run -a resnet -d ./photos
    """
    from harness.cli.terminal import print_against, print_report
    from harness.execute.session import run
    from harness.results.run_data import open_run

    other = open_run(against, store) if against else None  # first: a slip then costs nothing

    done = run(store=store, plugins=files, blocked=blocked, **chosen)
    print_report(done)
    page = done.write_html()
    click.echo(f"Report: {page}")
    if other is not None:
        print_against(done, other, against_python)
    if open_page:
        click.launch(str(page))
    if not done.ok:
        sys.exit(1)
