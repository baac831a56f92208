"""What a report says of a data set: by which metric models are compared on it, how many examples it has, and its notes."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from harness.catalogue.catalogue import Catalogue
from harness.catalogue.in_use import problem_in
from harness.data.notes import DataNote, read_notes
from harness.store.run_data import JobRow
from harness.summary.report_data import DatasetInfo


def describe_dataset(jobs: Iterable[JobRow], name: str, catalogue: Catalogue) -> DatasetInfo:
    """Return what the job that prepared a data set tells of it; a name alone where none of a run's jobs did.

    Raises:
        PluginError: No plugin that is loaded provides its problem.
    """
    for job in jobs:
        if job.sort == "prepare" and job.axes == {"dataset": name} and "task" in job.notes:
            task = job.notes["task"]
            headline = str(problem_in(catalogue, task["problem"]).headline)
            notes = _read_notes(job.folder)
            return DatasetInfo(name=name, headline=headline, counts=task["counts"], notes=notes)
    return DatasetInfo(name=name, headline="", counts={})


def _read_notes(folder: Path | None) -> tuple[DataNote, ...]:
    try:
        return read_notes(folder)
    except (OSError, ValueError, TypeError, KeyError) as error:
        title = f"What the data were taken for cannot be read: {type(error).__name__}: {error}"
        return (DataNote(title=title, header=(), rows=()),)
