"""Pages of fixed reports, each rendered once, as a page takes a second of CPU."""

from collections.abc import Callable
from functools import cache

from harness.api.reporting import ReportData
from harness_reports import html


@cache
def page_of(make: Callable[[], ReportData]) -> str:
    """Return the HTML page of the report that a function makes."""
    return html.render(make())
