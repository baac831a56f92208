"""Writes reports/samples: ``python tests/reports/make_samples.py [--run]``.

`quick.json` is the record of one run of the suite `quick`, and `pictures/` the example pictures of its models; the
other samples are made from these, so that a test can make them again. ``--run`` runs the suite anew, in a store of
its own, and takes its record and pictures first. `report.png`, the picture of the README, is the top of the page
in Chromium, where that is installed.
"""

from __future__ import annotations

import dataclasses
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from saved_report import read_report

import harness
from harness.api.reporting import ReportData, ShownSheet
from harness.catalogue.host import Host
from harness.summary.galleries import declared, read_gallery
from harness_reports import csv, html, json, markdown, parquet, terminal

SAMPLES = Path(__file__).parents[2] / "reports" / "samples"
RECORD = SAMPLES / "quick.json"
PICTURES = SAMPLES / "pictures"
TERMINAL_WIDTH = 100
PICTURE = {"x": 0, "y": 0, "width": 1280, "height": 2010}


def texts(report: ReportData) -> dict[str, str]:
    """Return each sample that is text, by file name."""
    report = dataclasses.replace(report, galleries=pictures)
    return {
        "quick.txt": terminal.render(report, TERMINAL_WIDTH),
        "quick.html": html.render(report),
        "quick.md": markdown.render(report),
        "quick.csv": csv.render(report),
        "quick.json": json.render(report),
    }


def pictures() -> tuple[ShownSheet, ...]:
    """Return the galleries in `PICTURES`: a folder for each data set, and in it for each model."""
    found, says = [], declared(Host().catalogue, "adversarial")
    for path in sorted(PICTURES.glob("*/*/gallery.json")):
        model, dataset = path.parent.name, path.parent.parent.name
        for gallery in read_gallery(path, dataset, model, 0, says):
            place = Path(gallery.path).relative_to(SAMPLES.parents[1]).as_posix()
            found.append(dataclasses.replace(gallery, path=place))
    return tuple(found)


def run_quick() -> None:
    """Run the suite as a person would, and keep its record and its galleries.

    Raises:
        subprocess.CalledProcessError: A job did not end ok.
    """
    command = Path(sys.executable).with_name("harness")
    with tempfile.TemporaryDirectory() as place:
        subprocess.run([command, "run", "quick"], cwd=place, check=True)
        store = Path(place) / "runs"
        report = harness.load_run(store, "quick-0001").summary
        RECORD.write_text(json.render(report), encoding="utf-8")
        shutil.rmtree(PICTURES, ignore_errors=True)
        for gallery in report.galleries():
            folder = PICTURES / gallery.dataset / gallery.series
            folder.mkdir(parents=True, exist_ok=True)
            for path in Path(gallery.path).parent.glob("gallery*"):
                shutil.copy(path, folder)


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
    if arguments not in ([], ["--run"]):
        sys.exit(f"unknown: {' '.join(arguments)}; allowed: --run")
    if arguments:
        run_quick()
    report = read_report(RECORD)
    for name, text in texts(report).items():
        (SAMPLES / name).write_text(text, encoding="utf-8")
    (SAMPLES / "quick.parquet").write_bytes(parquet.render(report))
    if shutil.which("chromium"):
        take_picture(SAMPLES / "quick.html", SAMPLES / "report.png")


if __name__ == "__main__":
    main(sys.argv[1:])
