"""A data set described before anything is trained on it: what it was taken for, and what was found in it."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from harness.catalogue.chosen import Chosen
from harness.catalogue.finding import Finding, read_findings
from harness.data.notes import DataNote, read_notes
from harness.data.prepare import prepare
from harness.data.task import Task


@dataclass(frozen=True)
class DataDescription:
    """What a prepared data set is; see `Task`, `DataNote` and `Finding`."""

    label: str
    task: Task
    notes: tuple[DataNote, ...]
    findings: tuple[Finding, ...]


def describe_data(dataset: Chosen, seed: int = 0) -> DataDescription:
    """Prepare a data set, as a run with this data seed would, and keep no more than the words.

    Raises:
        DataError: It cannot be prepared.
    """
    with tempfile.TemporaryDirectory(prefix="harness-") as name:
        folder = Path(name)
        task = prepare(dataset, seed, folder)
        return DataDescription(dataset.label, task, read_notes(folder), read_findings(folder) or ())
