"""Writes reports/samples: ``python tests/reports/make_samples.py [a run's report.json]``.

Without an argument the samples show the fixed report of `sample_report.py`. `quick.json` is the
record from which the others are made, so that a test can make them again. `report.png`, the picture
of the README, is the top of the page in Chromium, where that is installed.
"""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

from sample_report import sample_report
from saved_report import read_report

from harness.api import ReportData
from harness_reports import csv, html, json, markdown, parquet, terminal

SAMPLES = Path(__file__).parents[2] / "reports" / "samples"
RECORD = SAMPLES / "quick.json"
TERMINAL_WIDTH = 100
PICTURE = {"x": 0, "y": 0, "width": 1280, "height": 2010}


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


def take_picture(page: Path, picture: Path) -> None:
    """Write the top of a page, as far as the charts, as a PNG."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        tab = browser.new_page(viewport={"width": 1280, "height": 1000}, device_scale_factor=1.5)
        tab.goto(page.as_uri())
        tab.wait_for_selector("figure svg, figure canvas, .vega-embed svg")
        tab.wait_for_timeout(500)
        tab.screenshot(path=picture, full_page=True, clip=PICTURE)
        browser.close()


def main(arguments: list[str]) -> None:
    """Write all samples."""
    SAMPLES.mkdir(exist_ok=True)
    report = read_report(Path(arguments[0])) if arguments else sample_report()
    RECORD.write_text(json.render(report), encoding="utf-8")
    report = read_report(RECORD)
    for name, text in texts(report).items():
        (SAMPLES / name).write_text(text, encoding="utf-8")
    (SAMPLES / "quick.parquet").write_bytes(parquet.render(report))
    if shutil.which("chromium"):
        take_picture(SAMPLES / "quick.html", SAMPLES / "report.png")


if __name__ == "__main__":
    main(sys.argv[1:])
