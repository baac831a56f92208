"""What the plugin registers, and that registering is light."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from odd_reports import hostile_report, large_report, small_report
from sample_report import sample_report

import harness_reports
from harness.api import Report
from harness.api.measuring import call
from harness.api.reporting import ReportData

REPORTS = {report.name: report for report in harness_reports.harness_register_reports()}


def test_seven_formats_with_their_suffixes() -> None:
    suffixes = {name: report.suffix for name, report in REPORTS.items()}
    assert suffixes == {
        "terminal": ".txt",
        "html": ".html",
        "markdown": ".md",
        "csv": ".csv",
        "json": ".json",
        "parquet": ".parquet",
        "pytest-benchmark": ".json",
    }
    assert all(report.summary for report in REPORTS.values())


def test_registering_imports_nothing_heavy() -> None:
    code = (
        "import sys, harness_reports; list(harness_reports.harness_register_reports());"
        "print([n for n in ('pandas', 'altair', 'jinja2', 'rich', 'pyarrow') if n in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


DOORS = ("harness.api", "harness.api.reporting", "harness.api.measuring")


def test_the_core_is_reached_through_its_door_alone() -> None:
    for path in Path(harness_reports.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("harness."):
                assert node.module in DOORS, path.name


@pytest.mark.parametrize("name", REPORTS)
@pytest.mark.parametrize(
    "build",
    [
        sample_report,
        small_report,
        large_report,
        hostile_report,
        lambda: small_report(rows=(), columns=(), datasets=(), counts={}, environment={}),
    ],
    ids=["sample", "small", "large", "hostile", "empty"],
)
def test_every_format_renders_every_report(name: str, build: type[ReportData]) -> None:
    report: Report = REPORTS[name]
    rendered = call(report.render, report=build())
    assert isinstance(rendered, bytes if name == "parquet" else str)
    assert rendered
