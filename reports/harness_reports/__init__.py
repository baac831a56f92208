"""Built-in reports: the ways to show a finished run."""

from collections.abc import Iterable

from harness.api import Report, hookimpl


@hookimpl
def harness_register_reports() -> Iterable[Report]:
    """Yield the built-in report formats."""
    yield Report(
        name="terminal",
        summary="tables and verdicts as plain text",
        render="harness_reports.terminal:render",
        suffix=".txt",
    )
    yield Report(
        name="html",
        summary="one offline page: table that sorts and filters, charts, method",
        render="harness_reports.html:render",
        suffix=".html",
    )
    yield Report(
        name="markdown",
        summary="tables and verdicts for GitHub",
        render="harness_reports.markdown:render",
        suffix=".md",
    )
    yield Report(
        name="csv",
        summary="every metric, one a line",
        render="harness_reports.csv:render",
        suffix=".csv",
    )
    yield Report(
        name="json",
        summary="the whole report as data",
        render="harness_reports.json:render",
        suffix=".json",
    )
    yield Report(
        name="parquet",
        summary="every metric, one a row, typed",
        render="harness_reports.parquet:render",
        suffix=".parquet",
    )
    yield Report(
        name="pytest-benchmark",
        summary="raw timings with their statistics, for pytest-benchmark compare",
        render="harness_reports.pytest_benchmark:render",
        suffix=".json",
    )
