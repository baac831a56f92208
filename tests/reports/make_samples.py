"""Writes reports/samples: ``python tests/reports/make_samples.py [a run's report.json]``.

Without an argument the samples show the fixed report of `sample_report.py`. `quick.json` is the
record from which the others are made, so that a test can make them again.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from sample_report import sample_report
from saved_report import read_report

from harness.api import ReportData
from harness_reports import csv, html, json, markdown, parquet, terminal

SAMPLES = Path(__file__).parents[2] / "reports" / "samples"
RECORD = SAMPLES / "quick.json"
TERMINAL_WIDTH = 100


def texts(report: ReportData) -> dict[str, str]:
    """Return each sample that is text, by file name."""
    return {
        "quick.txt": terminal.render(report, TERMINAL_WIDTH),
        "quick.html": html.render(report),
        "quick.md": markdown.render(report),
        "quick.csv": csv.render(report),
        "quick.json": json.render(report),
    }


def without_bundle(page: str) -> str:
    """Return the page without the chart library, whose text changes with its version."""
    return re.sub(r'(<script id="bundle">).*?(</script>)', r"\1\2", page, flags=re.DOTALL)


def main(arguments: list[str]) -> None:
    """Write all samples."""
    SAMPLES.mkdir(exist_ok=True)
    report = read_report(Path(arguments[0])) if arguments else sample_report()
    RECORD.write_text(json.render(report), encoding="utf-8")
    report = read_report(RECORD)
    for name, text in texts(report).items():
        (SAMPLES / name).write_text(text, encoding="utf-8")
    (SAMPLES / "quick.parquet").write_bytes(parquet.render(report))


if __name__ == "__main__":
    main(sys.argv[1:])
