"""The disk that corrupted copies take, before any is made."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from harness.execute.copies import CopiesAhead, CopyRoom
from harness.plan.jobs import Job


def copy(severity: int, data: str = "d") -> Job:
    spec = {"data": data, "shift": {"name": "fog"}, "severity": severity, "seed": 0}
    return Job(f"{data}{severity}", "prepare", "copy", spec, (data,), {"dataset": data})


@pytest.fixture
def prepared(tmp_path: Path) -> dict[str, Path]:
    """Data of 10 test images of 4 numbers of 8 bits, so that a copy takes 40 bytes."""
    np.save(tmp_path / "inputs.npy", np.zeros((30, 1, 2, 2), dtype=np.uint8))
    task = {"scale": 1 / 255, "counts": {"train": 20, "validation": 0, "test": 10}}
    (tmp_path / "task.json").write_text(json.dumps(task))
    return {"d": tmp_path}


def test_those_that_fit_are_told_from_those_that_are_made_anew(
    prepared: dict[str, Path], tmp_path: Path
) -> None:
    jobs = [Job("d", "prepare", "data", {}, (), {}), *(copy(severity) for severity in range(1, 6))]
    of = "100 bytes ([hardware] copies)"
    [ahead] = CopyRoom(100, tmp_path / "store").foretell(jobs, prepared)
    assert ahead == CopiesAhead("d", 5, 40, 2, of)
    assert str(ahead) == (
        f"5 corrupted copies of d: 40 bytes each, 200 bytes of {of}; 3 do not fit, and are made anew for each model that "
        "is measured on them"
    )
    [whole] = CopyRoom(None, tmp_path).foretell(jobs, prepared)
    assert str(whole).startswith(
        "5 corrupted copies of d: 40 bytes each, 200 bytes of half of what"
    )
    assert CopyRoom(100, tmp_path).foretell(jobs[:1], prepared) == []


def test_data_that_are_not_prepared_have_no_size_yet(
    prepared: dict[str, Path], tmp_path: Path
) -> None:
    known, unknown = CopyRoom(100, tmp_path).foretell([copy(1), copy(1, "e")], prepared)
    assert (known.fit, unknown.fit) == (1, None)
    assert str(unknown) == (
        "1 corrupted copy of e: how much of the disk they take is known once the data are prepared; they may take "
        "100 bytes ([hardware] copies)"
    )
