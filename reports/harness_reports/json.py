"""The whole report as data, for other programs."""

from __future__ import annotations

import dataclasses
import json

from harness.api.reporting import ReportData
from harness_reports.tidy import to_json

FORMAT_VERSION = 2  # 1 had points of attacks, shifts and transfers where now are charts


def render(report: ReportData) -> str:
    """Return `ReportData` as JSON; `metrics` is a list of records; what is no number is null."""
    data = {"format": "model-harness report", "format_version": FORMAT_VERSION}
    for field in dataclasses.fields(report):
        if field.name in ("samples", "galleries"):
            continue  # they stay in the store; raw timings are in the format pytest-benchmark too
        value = getattr(report, field.name)
        data[field.name] = to_json(
            value.to_dict(orient="records") if field.name == "metrics" else value
        )
    return json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
