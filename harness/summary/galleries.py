"""The galleries that measures kept beside their metrics, each sheet with the model that it is of."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path

from harness.catalogue.catalogue import Catalogue
from harness.catalogue.counts import headed
from harness.catalogue.gallery import Gallery
from harness.catalogue.gallery_file import FILE, MOST_BYTES, parse_gallery
from harness.store.run_data import JobRow
from harness.summary.gallery_format_1 import upgrade
from harness.summary.report_data import ShownSheet
from harness.summary.shown_columns import find_measure

MOST_LETTERS = 200  # of what is wrong with a file
_UNREADABLE = (
    OSError, ValueError, TypeError, LookupError, AttributeError, RecursionError, OverflowError,
)  # fmt: skip


def read_galleries(
    jobs: Iterable[JobRow], series: Callable[[JobRow], str | None], catalogue: Catalogue
) -> tuple[ShownSheet, ...]:
    """Return the sheets of jobs, of the lowest seed of each model and measure.

    series: the name of a job's model; None where it has no place in the report. A file that cannot be read
    gives a sheet whose `problem` says so.
    """
    chosen: dict[tuple[str, str, str], tuple[int, Path]] = {}
    for job in jobs:
        name = series(job)
        if name is None or job.sort != "measure" or job.status != "ok" or "seed" not in job.axes:
            continue
        key = (str(job.axes.get("dataset")), name, str(job.axes.get("measure")))
        path, seed = _file(job), int(job.axes["seed"])
        if path is not None and (key not in chosen or seed < chosen[key][0]):
            chosen[key] = seed, path
    return tuple(
        sheet
        for (dataset, name, measure), (seed, path) in chosen.items()
        for sheet in read_gallery(path, dataset, name, seed, declared(catalogue, measure))
    )


def declared(catalogue: Catalogue, measure: str) -> Gallery:
    """Return what a measure says of its gallery; its name is the title where it says nothing."""
    item = find_measure(catalogue, measure)
    if item is not None and item.gallery is not None:
        return item.gallery
    return Gallery(title=headed(measure.partition(":")[0].replace("_", " ")))


def read_gallery(
    path: Path, dataset: str, series: str, seed: int, gallery: Gallery
) -> list[ShownSheet]:
    """Return the sheets in a ``gallery.json``; it does not say of which model they are."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise ValueError("it is too large")
        data = upgrade(json.loads(path.read_text(encoding="utf-8")))
        return [
            ShownSheet(
                dataset=dataset,
                series=series,
                seed=seed,
                gallery=gallery,
                path=str(path.parent / f"gallery_{place}.png" if sheet.picture else path),
                sheet=sheet,
            )
            for place, sheet in enumerate(parse_gallery(data, path.parent))
        ]
    except _UNREADABLE as error:
        said = f"{type(error).__name__}: {error}" if isinstance(error, LookupError) else str(error)
        problem = f"cannot be read: {said[:MOST_LETTERS]}"
        return [
            ShownSheet(
                dataset=dataset,
                series=series,
                seed=seed,
                gallery=gallery,
                path=str(path),
                problem=problem,
            )
        ]


def _file(job: JobRow) -> Path | None:
    path = None if job.folder is None else job.folder / FILE
    return path if path is not None and path.is_file() else None
