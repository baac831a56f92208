"""Every metric, one a line: the tidy table, for a spreadsheet or pandas."""

from __future__ import annotations

from harness.api.reporting import ReportData
from harness_reports.tidy import flat


def render(report: ReportData) -> str:
    """Return the tidy metrics as CSV; `where` is JSON text."""
    return str(flat(report.metrics).to_csv(index=False, lineterminator="\n"))
